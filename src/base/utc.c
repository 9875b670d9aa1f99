/* SPDX-License-Identifier: MIT */
/*
 * Calendar arithmetic without the C library, which would bring time zones and locales in.
 *
 * Days and dates as in H. Hinnant, "chrono-compatible low-level date algorithms": years begin in
 * March, so that the leap day is the last.
 */
#include "base/utc.h"

#include <stdbool.h>
#include <stdio.h>

#define SECOND_NS ((int64_t)1000000000)

struct date {
    int64_t year;
    unsigned month;
    unsigned day;
};

static struct date date_of(int64_t days)
{
    days += 719468; /* 0000-03-01 */
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    struct date date = {
        .year = year + era * 400,
        .month = (unsigned)(month < 10 ? month + 3 : month - 9),
        .day = (unsigned)(of_year - (153 * month + 2) / 5 + 1),
    };
    date.year += date.month <= 2;
    return date;
}

static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era_year = year - era * 400;
    int64_t shifted = month > 2 ? (int64_t)month - 3 : (int64_t)month + 9;
    int64_t of_year = (153 * shifted + 2) / 5 + (int64_t)day - 1;
    int64_t of_era = of_era_year * 365 + of_era_year / 4 - of_era_year / 100 + of_year;
    return era * 146097 + of_era - 719468;
}

const char *mri_utc_format(int64_t unix_ns, char text[static MRI_UTC_BYTES])
{
    int64_t ms = unix_ns / 1000000 - (unix_ns % 1000000 < 0);
    int64_t days = ms / 86400000 - (ms % 86400000 < 0);
    int64_t rest = ms - days * 86400000;
    struct date date = date_of(days);
    (void)snprintf(text, MRI_UTC_BYTES, "%04lld-%02u-%02uT%02u:%02u:%02u.%03uZ",
        (long long)date.year, date.month, date.day, (unsigned)(rest / 3600000),
        (unsigned)(rest / 60000 % 60), (unsigned)(rest / 1000 % 60), (unsigned)(rest % 1000));
    return text;
}

/** Take `digits` digits off the front; false when they are not there. */
static bool take_number(struct mri_slice *text, unsigned digits, unsigned *ret_number)
{
    unsigned number = 0;
    if (text->count < digits) {
        return false;
    }
    for (unsigned i = 0; i < digits; i++) {
        char c = text->bytes[i];
        if (c < '0' || c > '9') {
            return false;
        }
        number = number * 10 + (unsigned)(c - '0');
    }
    text->bytes += digits;
    text->count -= digits;
    *ret_number = number;
    return true;
}

static bool take_char(struct mri_slice *text, char wanted)
{
    if (text->count == 0 || text->bytes[0] != wanted) {
        return false;
    }
    text->bytes++;
    text->count--;
    return true;
}

static bool take_date(struct mri_slice *text, int64_t *ret_days)
{
    unsigned year;
    unsigned month;
    unsigned day;
    bool is_formed = take_number(text, 4, &year) && take_char(text, '-') &&
                     take_number(text, 2, &month) && take_char(text, '-') &&
                     take_number(text, 2, &day);
    if (!is_formed || month < 1 || month > 12 || day < 1 || year < 1970 || year > 2200) {
        return false;
    }
    *ret_days = days_of(year, month, day);
    struct date again = date_of(*ret_days);
    return again.month == month && again.day == day; /* no 31 February */
}

/** Seconds and a fraction of up to nine digits, if they follow. */
static bool take_seconds(struct mri_slice *text, int64_t *ret_ns)
{
    unsigned seconds = 0;
    int64_t fraction = 0;
    bool has_seconds = take_char(text, ':');
    if (has_seconds && (!take_number(text, 2, &seconds) || seconds > 59)) {
        return false;
    }
    if (has_seconds && take_char(text, '.')) {
        int64_t scale = SECOND_NS;
        unsigned digit;
        while (scale > 1 && take_number(text, 1, &digit)) {
            scale /= 10;
            fraction += digit * scale;
        }
        if (scale == SECOND_NS) {
            return false;
        }
    }
    *ret_ns = seconds * SECOND_NS + fraction;
    return true;
}

static mr_err parse_unix(struct mri_slice text, int64_t *ret_unix_ns)
{
    int64_t seconds = 0;
    if (text.count == 0 || text.count > 11) {
        return MR_REFUSED;
    }
    for (size_t i = 0; i < text.count; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9') {
            return MR_REFUSED;
        }
        seconds = seconds * 10 + (text.bytes[i] - '0');
    }
    if (seconds > INT64_MAX / SECOND_NS) {
        return MR_REFUSED;
    }
    *ret_unix_ns = seconds * SECOND_NS;
    return MR_OK;
}

mr_err mri_utc_parse(struct mri_slice text, int64_t *ret_unix_ns)
{
    int64_t days;
    unsigned hour = 0;
    unsigned minute = 0;
    int64_t seconds_ns = 0;
    if (parse_unix(text, ret_unix_ns) == MR_OK) {
        return MR_OK;
    }
    if (!take_date(&text, &days)) {
        return MR_REFUSED;
    }
    if (text.count > 0) {
        bool is_formed = (take_char(&text, 'T') || take_char(&text, ' ')) &&
                         take_number(&text, 2, &hour) && take_char(&text, ':') &&
                         take_number(&text, 2, &minute) && take_seconds(&text, &seconds_ns);
        (void)take_char(&text, 'Z'); /* UTC is meant with and without it */
        if (!is_formed || hour > 23 || minute > 59 || text.count > 0) {
            return MR_REFUSED;
        }
    }
    *ret_unix_ns = ((days * 24 + hour) * 60 + minute) * 60 * SECOND_NS + seconds_ns;
    return MR_OK;
}

const char *mri_utc_duration(int64_t duration_ns, char text[static MRI_UTC_BYTES])
{
    long long seconds = duration_ns / SECOND_NS; /* now its negative exists */
    const char *sign = seconds < 0 ? "-" : "";
    seconds = seconds < 0 ? -seconds : seconds;
    if (seconds < 60) {
        (void)snprintf(text, MRI_UTC_BYTES, "%s%llds", sign, seconds);
    } else if (seconds < 3600) {
        (void)snprintf(text, MRI_UTC_BYTES, "%s%lldm %02llds", sign, seconds / 60, seconds % 60);
    } else if (seconds < 86400) {
        (void)snprintf(
            text, MRI_UTC_BYTES, "%s%lldh %02lldm", sign, seconds / 3600, seconds / 60 % 60);
    } else {
        (void)snprintf(
            text, MRI_UTC_BYTES, "%s%lldd %lldh", sign, seconds / 86400, seconds / 3600 % 24);
    }
    return text;
}

mr_err mri_utc_parse_duration(struct mri_slice text, int64_t *ret_duration_ns)
{
    int64_t seconds;
    if (text.count < 2) {
        return MR_REFUSED;
    }
    char unit = text.bytes[text.count - 1];
    int64_t factor = unit == 's'   ? 1
                     : unit == 'm' ? 60
                     : unit == 'h' ? 3600
                     : unit == 'd' ? 86400
                                   : 0;
    struct mri_slice number = {text.bytes, text.count - 1};
    if (factor == 0 || parse_unix(number, &seconds) != MR_OK ||
        seconds / SECOND_NS > INT64_MAX / SECOND_NS / factor) {
        return MR_REFUSED;
    }
    *ret_duration_ns = seconds * factor;
    return MR_OK;
}
