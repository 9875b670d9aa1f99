# SPDX-License-Identifier: MIT
"""A wheel of what the build has put together: tools/python.sh lays the module beside the package."""
import os

from setuptools import Distribution, setup


class WithModule(Distribution):
    def has_ext_modules(self):
        return True  # the wheel is for this machine, though nothing is compiled here


setup(
    name="millrace",
    version=os.environ["MILLRACE_VERSION"],
    description="The signal bus of millrace",
    license="MIT",
    packages=["millrace", "millrace.compat"],
    package_data={"millrace": ["*.so", "*.pyi", "py.typed"]},
    python_requires=">=3.10",
    zip_safe=False,
    distclass=WithModule,
    options={"bdist_wheel": {"py_limited_api": "cp310"}},
)
