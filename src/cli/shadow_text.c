/* SPDX-License-Identifier: MIT */
/*
 * The shadow book in words. Saved is what shadows lost: not trading saved it; missed is what they
 * won.
 */
#include "cli/shadow_text.h"

#include "base/fixed.h"
#include "cli/describe.h"
#include "cli/table.h"

static unsigned long long u(uint64_t value)
{
    return (unsigned long long)value;
}

static uint64_t unresolved(const struct mri_report *report)
{
    uint64_t sum = report->advisory_shadows.unresolved;
    for (unsigned gate = 0; gate < MRI_REPORT_GATES; gate++) {
        sum += report->shadows[gate].unresolved;
    }
    return sum;
}

static uint64_t closed(const struct mri_report *report)
{
    uint64_t sum = report->advisory_shadows.closed;
    for (unsigned gate = 0; gate < MRI_REPORT_GATES; gate++) {
        sum += report->shadows[gate].closed;
    }
    return sum;
}

static bool is_any(const struct mri_fold *fold)
{
    const struct mri_report *report = &fold->wiring.report;
    const struct mri_shadow_book *book = &fold->wiring.shadows.book;
    return closed(report) + unresolved(report) + book->counts[MRI_SHADOW_OPEN] + book->left_out +
               book->unpriced >
           0;
}

void mri_shadow_text_line(const struct mri_fold *fold, struct mri_buf *text)
{
    const struct mri_report *report = &fold->wiring.report;
    const struct mri_shadow_book *book = &fold->wiring.shadows.book;
    if (!is_any(fold)) {
        return;
    }
    mri_buf_printf(text, "shadow     %llu closed, %u open, %u wait for a price, %llu unresolved",
        u(closed(report)), book->counts[MRI_SHADOW_OPEN], book->counts[MRI_SHADOW_WANTED],
        u(unresolved(report)));
    if (book->unpriced > 0) {
        mri_buf_printf(text, "; %llu of symbols without a price", u(book->unpriced));
    }
    if (book->left_out > 0) {
        mri_buf_printf(
            text, "; %llu LEFT OUT, the book was full (shadow.places_max)", u(book->left_out));
    }
    mri_buf_text(text, "\n");
}

static void money_cell(struct mri_table *table, int64_t money_e8)
{
    char digits[MRI_FIXED_TEXT_BYTES];
    int64_t cents;
    bool is_there = mri_fixed_mul_div(money_e8, 1, 1000000, &cents) == MR_OK;
    mri_table_cell(table, "%s", is_there ? mri_fixed_format(cents, 2, digits) : "n/a");
}

static void put_row(
    struct mri_table *table, const char *name, const struct mri_report_shadows *sums)
{
    if (sums->closed + sums->unresolved == 0) {
        return;
    }
    mri_table_cell(table, "%s", name);
    mri_table_cell(table, "%llu", u(sums->closed));
    mri_table_cell(table, "%llu", u(sums->unresolved));
    money_cell(table, sums->saved_e8);
    money_cell(table, sums->missed_e8);
    money_cell(table, sums->saved_e8 - sums->missed_e8);
}

void mri_shadow_text_print(const struct mri_fold *fold, struct mri_buf *text)
{
    const struct mri_report *report = &fold->wiring.report;
    struct mri_table table;
    mri_shadow_text_line(fold, text);
    if (closed(report) + unresolved(report) == 0) {
        return;
    }
    mri_buf_text(text, "  what each gate saved (losses that were not made) and missed (wins):\n");
    mri_table_init(&table, fold->options.alloc, "lrrrrr");
    mri_table_cell(&table, "gate");
    mri_table_cell(&table, "closed");
    mri_table_cell(&table, "unresolved");
    mri_table_cell(&table, "saved");
    mri_table_cell(&table, "missed");
    mri_table_cell(&table, "worth");
    for (unsigned gate = 1; gate < MRI_REPORT_GATES; gate++) {
        const char *name = mri_word_text(MRI_VOCABULARY_gate, gate);
        put_row(&table, name == NULL ? "?" : name, &report->shadows[gate]);
    }
    put_row(&table, "(passed, advisory)", &report->advisory_shadows);
    mri_table_print(&table, 2, text);
    mri_table_fini(&table);
    const struct mri_report_shadows *twins = &report->shadows[MRI_GATE_NONE];
    if (twins->closed > 0) {
        mri_buf_printf(text, "  twins of what was approved: %llu closed, net ", u(twins->closed));
        mri_describe_money(twins->missed_e8 - twins->saved_e8, text);
        mri_buf_text(text, "\n");
    }
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void json_sums(
    struct mri_json_writer *json, const char *key, const struct mri_report_shadows *sums)
{
    mri_json_write_key(json, key);
    mri_json_write_object_open(json);
    mri_json_put_count(json, "closed", sums->closed);
    mri_json_put_count(json, "unresolved", sums->unresolved);
    mri_json_put_money(json, "saved", sums->saved_e8);
    mri_json_put_money(json, "missed", sums->missed_e8);
    mri_json_write_object_close(json);
}

void mri_shadow_text_json(const struct mri_fold *fold, struct mri_json_writer *json)
{
    const struct mri_report *report = &fold->wiring.report;
    const struct mri_shadow_book *book = &fold->wiring.shadows.book;
    mri_json_write_key(json, "shadow");
    mri_json_write_object_open(json);
    mri_json_put_count(json, "closed", closed(report));
    mri_json_put_count(json, "unresolved", unresolved(report));
    mri_json_put_count(json, "open", book->counts[MRI_SHADOW_OPEN]);
    mri_json_put_count(json, "waiting", book->counts[MRI_SHADOW_WANTED]);
    mri_json_put_count(json, "left_out", book->left_out);
    mri_json_put_count(json, "unpriced", book->unpriced);
    json_sums(json, "twins", &report->shadows[MRI_GATE_NONE]);
    json_sums(json, "advisory", &report->advisory_shadows);
    mri_json_write_key(json, "by_gate");
    mri_json_write_object_open(json);
    for (unsigned gate = 1; gate < MRI_REPORT_GATES; gate++) {
        const char *name = mri_word_text(MRI_VOCABULARY_gate, gate);
        if (name != NULL && report->shadows[gate].closed + report->shadows[gate].unresolved > 0) {
            json_sums(json, name, &report->shadows[gate]);
        }
    }
    mri_json_write_object_close(json);
    mri_json_write_object_close(json);
}
