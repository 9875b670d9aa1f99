/* SPDX-License-Identifier: MIT */
/*
 * Names and texts of results, from the one table in millrace/err.h.
 */
#include "millrace/err.h"

const char *mr_err_text(mr_err err)
{
    switch (err) {
#define TEXT_CASE(name, value, text)                                                               \
    case name:                                                                                     \
        return text;
        MR_ERR_MAP(TEXT_CASE)
#undef TEXT_CASE
    }
    return "unknown result";
}

const char *mr_err_name(mr_err err)
{
    switch (err) {
#define NAME_CASE(name, value, text)                                                               \
    case name:                                                                                     \
        return #name;
        MR_ERR_MAP(NAME_CASE)
#undef NAME_CASE
    }
    return "MR_?";
}
