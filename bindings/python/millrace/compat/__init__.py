# SPDX-License-Identifier: MIT
"""Drop-ins: modules with the interface of what bots use already, on the log of millrace."""
