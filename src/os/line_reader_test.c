/* SPDX-License-Identifier: MIT */
/*
 * Lines from files and streams, whole, cut, compressed and damaged.
 */
#define _GNU_SOURCE
#include "os/line_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/prng.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/failing_alloc.h"
#include "tests/lib/os_faults.h"
#include "tests/lib/os_memory.h"

enum { LIMIT = 16, PACKED_MAX = 1 << 20 };

struct fixture {
    struct mri_os_memory *memory;
    struct mri_os_faults faults; /* what the reader sees: the file /text in memory */
    struct mri_os stream;        /* reads it in pieces, with interruptions */
    int fd;
    size_t piece_bytes;
    unsigned again_every;
    unsigned stream_reads;
    struct failing_alloc failing;
    struct mri_line_reader *reader;
};

static mr_err read_piece(void *context, int fd, void *bytes, size_t count, size_t *ret_count)
{
    struct fixture *fixture = context;
    const struct mri_os *os = &fixture->faults.table;
    if (++fixture->stream_reads % fixture->again_every == 0) {
        return MR_AGAIN;
    }
    size_t most = count < fixture->piece_bytes ? count : fixture->piece_bytes;
    return os->read(os->context, fd, bytes, most, ret_count);
}

static mr_err size_of_nothing(void *context, int fd, uint64_t *ret_bytes)
{
    (void)context;
    (void)fd;
    *ret_bytes = 0;
    return MR_OK;
}

static void prepare(struct fixture *fixture, const void *bytes, size_t count)
{
    *fixture = (struct fixture){.memory = mri_os_memory_new(count + 1), .fd = -1};
    mri_os_memory_put(fixture->memory, "/text", bytes, count);
    mri_os_faults_init(&fixture->faults, mri_os_memory_table(fixture->memory));
    failing_alloc_init(&fixture->failing, 0);
}

static mr_err try_open(struct fixture *fixture, size_t limit, mr_problem *problem)
{
    struct mri_line_source source = {.path = "/text", .line_bytes_max = limit};
    return mri_line_reader_open(
        &fixture->faults.table, &fixture->failing.alloc, &source, &fixture->reader, problem);
}

static void open_file(struct fixture *fixture, size_t limit)
{
    assert_int_equal(try_open(fixture, limit, NULL), MR_OK);
}

static void open_stream(
    struct fixture *fixture, size_t limit, size_t piece_bytes, unsigned again_every)
{
    const struct mri_os *os = &fixture->faults.table;
    assert_int_equal(os->open(os->context, "/text", MRI_OPEN_READ, &fixture->fd), MR_OK);
    fixture->piece_bytes = piece_bytes;
    fixture->again_every = again_every;
    fixture->stream =
        (struct mri_os){.context = fixture, .read = read_piece, .size = size_of_nothing};
    struct mri_line_source source = {.fd = fixture->fd, .line_bytes_max = limit};
    assert_int_equal(mri_line_reader_open(&fixture->stream, &fixture->failing.alloc, &source,
                         &fixture->reader, NULL),
        MR_OK);
}

static void finish(struct fixture *fixture)
{
    const struct mri_os *os = &fixture->faults.table;
    mri_line_reader_close(fixture->reader);
    if (fixture->fd >= 0) {
        os->close(os->context, fixture->fd); /* the reader has left it open */
    }
    assert_int_equal(fixture->failing.live_bytes, 0);
    assert_int_equal(mri_os_memory_open_count(fixture->memory), 0);
    mri_os_memory_free(fixture->memory);
}

static struct mri_line next_line(struct fixture *fixture)
{
    struct mri_line line;
    mr_err err;
    do {
        err = mri_line_reader_next(fixture->reader, &line, NULL);
    } while (err == MR_AGAIN);
    assert_int_equal(err, MR_OK);
    return line;
}

static void assert_text(struct mri_line line, const char *text)
{
    if (!mri_slice_is(line.text, text)) {
        fail_msg("expected \"%s\", found \"%.*s\"", text, (int)line.text.count, line.text.bytes);
    }
}

static void assert_end(struct fixture *fixture, mr_err expected)
{
    for (int i = 0; i < 2; i++) { /* it stays */
        struct mri_line line;
        mr_problem problem;
        mr_err err;
        do {
            err = mri_line_reader_next(fixture->reader, &line, &problem);
        } while (err == MR_AGAIN);
        assert_int_equal(err, expected);
    }
}

/** Compress as one gzip member behind what `packed` holds already. */
static size_t pack(const void *bytes, size_t count, unsigned char *packed, size_t at)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)bytes;
    stream.avail_in = (unsigned)count;
    stream.next_out = packed + at;
    stream.avail_out = (unsigned)(PACKED_MAX - at);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t end = at + stream.total_out;
    assert_int_equal(deflateEnd(&stream), Z_OK);
    return end;
}

static void every_line_comes_with_number_and_flags(void **state)
{
    (void)state;
    struct fixture fixture;
    const char text[] = "\xef\xbb\xbf"
                        "first\n\nthird\r\n\r\nfifth";
    prepare(&fixture, text, sizeof(text) - 1);
    open_file(&fixture, LIMIT);
    struct mri_line line = next_line(&fixture);
    assert_text(line, "first");
    assert_true(line.has_bom);
    assert_int_equal(line.number, 1);
    assert_int_equal(line.bytes, 5);
    line = next_line(&fixture);
    assert_text(line, "");
    assert_false(line.has_cr);
    line = next_line(&fixture);
    assert_text(line, "third");
    assert_true(line.has_cr);
    line = next_line(&fixture);
    assert_text(line, "");
    assert_true(line.has_cr);
    line = next_line(&fixture);
    assert_text(line, "fifth");
    assert_int_equal(line.number, 5);
    assert_true(line.is_torn);
    assert_false(line.is_too_long);
    assert_end(&fixture, MR_END);
    finish(&fixture);
}

static void an_empty_file_has_no_line(void **state)
{
    (void)state;
    struct fixture fixture;
    prepare(&fixture, "", 0);
    open_file(&fixture, LIMIT);
    assert_end(&fixture, MR_END);
    finish(&fixture);
    prepare(&fixture, "\x1f", 1); /* half of the magic is plain text */
    open_file(&fixture, LIMIT);
    assert_text(next_line(&fixture), "\x1f");
    assert_end(&fixture, MR_END);
    finish(&fixture);
}

static void a_byte_order_mark_alone_is_a_torn_empty_line(void **state)
{
    (void)state;
    struct fixture fixture;
    prepare(&fixture, "\xef\xbb\xbf", 3);
    open_file(&fixture, LIMIT);
    struct mri_line line = next_line(&fixture);
    assert_text(line, "");
    assert_true(line.has_bom && line.is_torn);
    assert_end(&fixture, MR_END);
    finish(&fixture);
}

/** A text of one line of `count` letters with the given end, between two short lines. */
static char *long_text(size_t count, const char *bom, const char *end, size_t *ret_bytes)
{
    char *text = test_malloc(count + 64);
    int head = snprintf(text, 64, "%s", bom);
    memset(text + head, 'x', count);
    int tail = snprintf(text + head + count, 32, "%safter\n", end);
    *ret_bytes = (size_t)head + count + (size_t)tail;
    return text;
}

static void a_line_that_is_too_long_is_cut_and_its_rest_skipped(void **state)
{
    (void)state;
    const size_t counts[] = {LIMIT - 1, LIMIT, LIMIT + 1, LIMIT + 2, LIMIT + 3, LIMIT + 4,
        LIMIT + 5, 65535, 65536, 65537, 65552, 65553, 65556, 131072, 200000, 1000003};
    const char *const ends[] = {"\n", "\r\n"};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        for (int variant = 0; variant < 8; variant++) {
            struct fixture fixture;
            size_t bytes;
            bool has_bom = (variant & 2) != 0;
            char *text =
                long_text(counts[i], has_bom ? "\xef\xbb\xbf" : "", ends[variant & 1], &bytes);
            prepare(&fixture, text, bytes);
            if ((variant & 4) != 0) {
                open_stream(&fixture, LIMIT, 1000, 3);
            } else {
                open_file(&fixture, LIMIT);
            }
            struct mri_line line = next_line(&fixture);
            assert_int_equal(line.bytes, counts[i]);
            assert_int_equal(line.text.count, counts[i] < LIMIT ? counts[i] : LIMIT);
            assert_int_equal(line.is_too_long, counts[i] > LIMIT);
            assert_int_equal(line.has_cr, variant & 1);
            assert_int_equal(line.has_bom, has_bom);
            assert_int_equal(line.text.bytes[0], 'x');
            assert_text(next_line(&fixture), "after");
            assert_end(&fixture, MR_END);
            finish(&fixture);
            test_free(text);
        }
    }
}

static void a_stream_gives_the_same_lines_in_any_pieces(void **state)
{
    (void)state;
    const char text[] = "a\r\nbb\nccc\r\n\ndddd\n";
    static unsigned char packed[PACKED_MAX];
    size_t count = pack(text, sizeof(text) - 1, packed, 0);
    for (size_t piece = 1; piece < 12; piece++) {
        for (int is_packed = 0; is_packed < 2; is_packed++) {
            struct fixture fixture;
            prepare(&fixture, is_packed ? (const void *)packed : text,
                is_packed ? count : sizeof(text) - 1);
            open_stream(&fixture, LIMIT, piece, 2);
            assert_text(next_line(&fixture), "a");
            assert_text(next_line(&fixture), "bb");
            assert_text(next_line(&fixture), "ccc");
            assert_text(next_line(&fixture), "");
            assert_text(next_line(&fixture), "dddd");
            assert_end(&fixture, MR_END);
            finish(&fixture);
        }
    }
}

static void gzip_members_in_a_row_are_one_text(void **state)
{
    (void)state;
    struct fixture fixture;
    static unsigned char packed[PACKED_MAX];
    size_t count = pack("one\ntw", 6, packed, 0);
    count = pack("", 0, packed, count);
    count = pack("o\nthree\n", 8, packed, count);
    memset(packed + count, 0, 700); /* zeros fill the last block of a tape */
    prepare(&fixture, packed, count + 700);
    open_file(&fixture, LIMIT);
    assert_text(next_line(&fixture), "one");
    assert_text(next_line(&fixture), "two");
    assert_text(next_line(&fixture), "three");
    assert_end(&fixture, MR_END);
    struct mri_line_progress progress = mri_line_reader_progress(fixture.reader);
    assert_int_equal(progress.read_bytes, count + 700);
    assert_int_equal(progress.total_bytes, count + 700);
    finish(&fixture);
}

/** Many lines with their number in them, so that they do not compress away. */
static size_t number_lines(char *text, unsigned line_count)
{
    size_t count = 0;
    struct mri_prng prng;
    mri_prng_init(&prng, 7);
    for (unsigned i = 1; i <= line_count; i++) {
        count += (size_t)snprintf(
            text + count, 64, "%u %llx\n", i, (unsigned long long)mri_prng_next(&prng));
    }
    return count;
}

/** Read numbered lines to the end; how many there were. */
static unsigned count_lines(struct fixture *fixture, mr_err *ret_end, mr_problem *problem)
{
    struct mri_line line;
    unsigned count = 0;
    while ((*ret_end = mri_line_reader_next(fixture->reader, &line, problem)) == MR_OK) {
        count++;
        assert_int_equal(line.number, count);
        assert_int_equal(strtoul(line.text.bytes, NULL, 10), count);
        assert_false(line.is_torn);
    }
    return count;
}

static void gzip_that_ends_early_gives_its_complete_lines_first(void **state)
{
    (void)state;
    enum { LINES = 20000 };
    static char text[1 << 20];
    static unsigned char packed[PACKED_MAX];
    size_t bytes = number_lines(text, LINES);
    size_t count = pack(text, bytes, packed, 0);
    unsigned before = 0;
    for (size_t cut = 1; cut < count; cut += cut < 40 || cut + 20 > count ? 1 : (count - cut) / 8) {
        struct fixture fixture;
        prepare(&fixture, packed, cut);
        open_file(&fixture, 64);
        mr_err end;
        mr_problem problem = {0};
        if (cut == 1) { /* not recognised: one torn line of plain text */
            assert_true(next_line(&fixture).is_torn);
        } else {
            unsigned lines = count_lines(&fixture, &end, &problem);
            assert_int_equal(end, MR_ECORRUPT);
            assert_non_null(strstr(problem.text, "end early"));
            assert_true(lines >= before);
            before = lines;
        }
        finish(&fixture);
    }
    assert_int_equal(before, LINES); /* only the checksum was missing at last */
}

static void damage_in_gzip_is_found(void **state)
{
    (void)state;
    enum { LINES = 20000 };
    static char text[1 << 20];
    static unsigned char packed[PACKED_MAX];
    size_t count = pack(text, number_lines(text, LINES), packed, 0);
    struct mri_prng prng;
    mri_prng_init(&prng, 11);
    for (int i = 0; i < 60; i++) {
        struct fixture fixture;
        size_t at = 10 + (size_t)mri_prng_below(&prng, count - 10); /* behind the member's head */
        unsigned char bit = (unsigned char)(1u << mri_prng_below(&prng, 8));
        packed[at] ^= bit;
        prepare(&fixture, packed, count);
        open_file(&fixture, 64);
        struct mri_line line;
        mr_problem problem = {0};
        mr_err err;
        do {
            err = mri_line_reader_next(fixture.reader, &line, &problem);
        } while (err == MR_OK);
        assert_int_equal(err, MR_ECORRUPT);
        assert_non_null(strstr(problem.text, "byte "));
        finish(&fixture);
        packed[at] ^= bit;
    }
}

static void bytes_behind_gzip_are_damage(void **state)
{
    (void)state;
    struct fixture fixture;
    static unsigned char packed[PACKED_MAX];
    size_t count = pack("one\n", 4, packed, 0);
    memset(packed + count, 0x41, 4);
    prepare(&fixture, packed, count + 4);
    open_file(&fixture, LIMIT);
    assert_text(next_line(&fixture), "one");
    assert_end(&fixture, MR_ECORRUPT);
    finish(&fixture);
}

static void a_gzip_bomb_takes_no_memory(void **state)
{
    (void)state;
    enum { BYTES = 64 * 1024 * 1024 };
    static unsigned char packed[PACKED_MAX];
    unsigned char *zeros = test_calloc(BYTES, 1);
    size_t count = pack(zeros, BYTES, packed, 0);
    test_free(zeros);
    struct fixture fixture;
    prepare(&fixture, packed, count);
    open_file(&fixture, LIMIT);
    struct mri_line line = next_line(&fixture);
    assert_true(line.is_too_long && line.is_torn);
    assert_int_equal(line.bytes, BYTES);
    assert_true(fixture.failing.live_bytes < 256 * 1024);
    finish(&fixture);
}

static void every_failing_read_is_a_fault_that_stays(void **state)
{
    (void)state;
    static char text[1 << 20];
    size_t bytes = number_lines(text, 20000);
    for (unsigned failing = 1; failing <= 5; failing++) {
        struct fixture fixture;
        prepare(&fixture, text, bytes);
        mri_os_faults_arm(&fixture.faults, MRI_OS_CALL_READ_AT, failing, MR_EIO);
        open_file(&fixture, 64);
        mr_err end;
        mr_problem problem = {0};
        unsigned lines = count_lines(&fixture, &end, &problem);
        assert_int_equal(end, MR_EIO);
        assert_true((failing == 1) == (lines == 0));
        assert_end(&fixture, MR_EIO);
        finish(&fixture);
    }
}

static void every_failing_allocation_is_reported_and_leaks_nothing(void **state)
{
    (void)state;
    static unsigned char packed[PACKED_MAX];
    size_t count = pack("one\n", 4, packed, 0);
    mr_err err = MR_ENOMEM;
    unsigned failing = 0;
    while (err == MR_ENOMEM) {
        struct fixture fixture;
        struct mri_line line;
        prepare(&fixture, packed, count);
        failing_alloc_init(&fixture.failing, ++failing);
        err = try_open(&fixture, LIMIT, NULL);
        if (err == MR_OK) {
            err = mri_line_reader_next(fixture.reader, &line, NULL);
        }
        finish(&fixture);
    }
    assert_int_equal(err, MR_OK);
    assert_in_range(failing, 5, 20);
}

static void what_cannot_be_opened_is_named(void **state)
{
    (void)state;
    struct fixture fixture;
    prepare(&fixture, "", 0);
    mr_problem problem;
    struct mri_line_source source = {.path = "/absent.csv", .line_bytes_max = LIMIT};
    assert_int_equal(mri_line_reader_open(&fixture.faults.table, &fixture.failing.alloc, &source,
                         &fixture.reader, &problem),
        MR_EPATH);
    assert_non_null(strstr(problem.text, "/absent.csv"));
    assert_int_equal(try_open(&fixture, 0, &problem), MR_EINVAL);
    mri_os_faults_arm(&fixture.faults, MRI_OS_CALL_SIZE, 1, MR_EIO);
    assert_int_equal(try_open(&fixture, LIMIT, &problem), MR_EIO);
    assert_non_null(strstr(problem.text, "/text"));
    finish(&fixture);
}

static void a_pipe_gives_its_lines_as_they_come(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct mri_line_source source = {.fd = ends[0], .line_bytes_max = LIMIT};
    struct mri_line_reader *reader;
    assert_int_equal(
        mri_line_reader_open(mri_os_linux(), mri_alloc_system(), &source, &reader, NULL), MR_OK);
    for (int i = 0; i < 3; i++) {
        struct mri_line line;
        assert_int_equal(
            write(ends[1], "hello\n", 6), 6); /* the next read must not wait for more */
        assert_int_equal(mri_line_reader_next(reader, &line, NULL), MR_OK);
        assert_text(line, "hello");
    }
    assert_int_equal(mri_line_reader_progress(reader).total_bytes, 0);
    close(ends[1]);
    struct mri_line line;
    assert_int_equal(mri_line_reader_next(reader, &line, NULL), MR_END);
    mri_line_reader_close(reader);
    close(ends[0]);
}

static void put_bytes(int fd, const char *text)
{
    size_t count = strlen(text);
    assert_int_equal(write(fd, text, count), count);
}

static void a_line_is_at_hand_when_it_was_written_and_nobody_waits_for_it(void **state)
{
    (void)state;
    int ends[2];
    struct mri_line line;
    struct mri_line_reader *reader;
    assert_int_equal(pipe(ends), 0);
    struct mri_line_source source = {.fd = ends[0], .line_bytes_max = LIMIT};
    assert_int_equal(
        mri_line_reader_open(mri_os_linux(), mri_alloc_system(), &source, &reader, NULL), MR_OK);
    assert_false(mri_line_reader_is_line_at_hand(reader)); /* it would hang */
    put_bytes(ends[1], "one\ntw");
    assert_false(mri_line_reader_has_line(reader));
    assert_true(mri_line_reader_is_line_at_hand(reader));
    assert_true(mri_line_reader_has_line(reader));
    assert_int_equal(mri_line_reader_next(reader, &line, NULL), MR_OK);
    assert_true(mri_slice_is(line.text, "one"));
    assert_false(mri_line_reader_is_line_at_hand(reader)); /* half of one is none */
    put_bytes(ends[1], "o, and more than a line may have");
    assert_false(mri_line_reader_is_line_at_hand(reader));
    put_bytes(ends[1], "\n");
    assert_true(mri_line_reader_is_line_at_hand(reader));
    assert_int_equal(mri_line_reader_next(reader, &line, NULL), MR_OK);
    assert_true(line.is_too_long && line.bytes == strlen("two, and more than a line may have"));
    put_bytes(ends[1], "end");
    (void)close(ends[1]);
    assert_false(mri_line_reader_is_line_at_hand(reader)); /* the next one says that it is torn */
    assert_int_equal(mri_line_reader_next(reader, &line, NULL), MR_OK);
    assert_true(line.is_torn && mri_slice_is(line.text, "end"));
    assert_false(mri_line_reader_is_line_at_hand(reader));
    assert_int_equal(mri_line_reader_next(reader, &line, NULL), MR_END);
    mri_line_reader_close(reader);
    (void)close(ends[0]);
}

static void a_symbolic_link_that_a_user_named_is_followed(void **state)
{
    (void)state;
    char folder[] = "/tmp/line_reader_XXXXXX";
    char file[64];
    char link[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(file, sizeof(file), "%s/file", folder);
    (void)snprintf(link, sizeof(link), "%s/link", folder);
    FILE *stream = fopen(file, "w");
    assert_non_null(stream);
    assert_true(fputs("hello\n", stream) >= 0);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(symlink(file, link), 0);
    struct mri_line_source source = {.path = link, .line_bytes_max = LIMIT};
    struct mri_line_reader *reader;
    struct mri_line line;
    assert_int_equal(
        mri_line_reader_open(mri_os_linux(), mri_alloc_system(), &source, &reader, NULL), MR_OK);
    assert_int_equal(mri_line_reader_next(reader, &line, NULL), MR_OK);
    assert_text(line, "hello");
    assert_int_equal(mri_line_reader_progress(reader).total_bytes, 6);
    mri_line_reader_close(reader);
    assert_int_equal(unlink(link) + unlink(file) + rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_comes_with_number_and_flags),
        cmocka_unit_test(an_empty_file_has_no_line),
        cmocka_unit_test(a_byte_order_mark_alone_is_a_torn_empty_line),
        cmocka_unit_test(a_line_that_is_too_long_is_cut_and_its_rest_skipped),
        cmocka_unit_test(a_stream_gives_the_same_lines_in_any_pieces),
        cmocka_unit_test(gzip_members_in_a_row_are_one_text),
        cmocka_unit_test(gzip_that_ends_early_gives_its_complete_lines_first),
        cmocka_unit_test(damage_in_gzip_is_found),
        cmocka_unit_test(bytes_behind_gzip_are_damage),
        cmocka_unit_test(a_gzip_bomb_takes_no_memory),
        cmocka_unit_test(every_failing_read_is_a_fault_that_stays),
        cmocka_unit_test(every_failing_allocation_is_reported_and_leaks_nothing),
        cmocka_unit_test(what_cannot_be_opened_is_named),
        cmocka_unit_test(a_pipe_gives_its_lines_as_they_come),
        cmocka_unit_test(a_line_is_at_hand_when_it_was_written_and_nobody_waits_for_it),
        cmocka_unit_test(a_symbolic_link_that_a_user_named_is_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
