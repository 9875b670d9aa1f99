/* SPDX-License-Identifier: MIT */
/*
 * Sessions without a socket: lines in, replies out.
 */
#include "socket/line_session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/bus_loop.h"
#include "tests/lib/api_sample.h"
#include "tests/lib/cmocka_all.h"

enum { OUT_BYTES_MAX = 8 * 1024 * 1024, LINE_BYTES_MAX = 4096 };

static struct mri_api_sample sample;
static struct mri_service service;
static struct mri_buf out;
static struct mri_line_session session;
static struct mri_line_session *asking = &session; /* whose lines are taken */

static int set_up(void **fixture)
{
    (void)fixture;
    mri_api_sample_begin(&sample);
    const struct mri_os *os = &sample.story->machine.table;
    mri_buf_init(&out, mri_alloc_system(), OUT_BYTES_MAX);
    if (mri_service_init(&service, os, mri_alloc_system(), sample.bus) != MR_OK) {
        return -1;
    }
    mri_line_session_init(&session, &service, &out);
    asking = &session;
    return 0;
}

static int tear_down(void **fixture)
{
    (void)fixture;
    mri_line_session_fini(&session);
    assert_int_equal(service.subscriptions, 0);
    assert_int_equal(service.claim_count, 0);
    mri_service_fini(&service);
    mri_buf_fini(&out);
    mri_api_sample_end(&sample);
    return 0;
}

/** A line with ' for " and $ for the symbol; its reply, "" if it waits. */
__attribute__((format(printf, 2, 0))) static const char *ask_as(
    enum mri_line_session_how how, const char *format, va_list arguments)
{
    static char line[LINE_BYTES_MAX];
    static char told[LINE_BYTES_MAX];
    static uint64_t number;
    size_t count = 0;
    (void)vsnprintf(told, sizeof(told), format, arguments);
    for (const char *at = told; *at != '\0' && count + 64 < sizeof(line); at++) {
        int put = *at == '$' ? snprintf(line + count, 64, "%s", sample.symbols[0]) : 1;
        line[count] = *at == '\'' ? '"' : *at == '$' ? line[count] : *at;
        count += (size_t)put;
    }
    mri_buf_clear(&out);
    const struct mri_input_line input = {.text = {line, count}, .number = ++number};
    mri_line_session_take(asking, &input, how);
    return mri_buf_c_text(&out);
}

__attribute__((format(printf, 1, 2))) static const char *ask(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *reply = ask_as(MRI_LINE_SESSION_DO, format, arguments);
    va_end(arguments);
    return reply;
}

__attribute__((format(printf, 1, 2))) static const char *ask_behind(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *reply = ask_as(MRI_LINE_SESSION_REFUSE, format, arguments);
    va_end(arguments);
    return reply;
}

/** The reply has this in it, with ' for ". */
static void says(const char *reply, const char *wanted)
{
    char text[LINE_BYTES_MAX];
    size_t count = strlen(wanted);
    assert_true(count < sizeof(text));
    for (size_t i = 0; i <= count; i++) {
        text[i] = (char)(wanted[i] == '\'' ? '"' : wanted[i]);
    }
    if (strstr(reply, text) == NULL) {
        fail_msg("expected %s in %s", text, reply);
    }
}

static uint64_t number_after(const char *reply, const char *key)
{
    const char *at = strstr(reply, key);
    assert_non_null(at);
    return strtoull(at + strlen(key), NULL, 10);
}

static uint64_t emit(const char *source)
{
    const char *reply = ask(
        "{'id':1,'verb':'emit','symbol':'$','side':'long','source':'%s','confidence':0.5}", source);
    says(reply, "{'id':1,'ok':true,'signals':[{'id':'");
    return number_after(reply, "\"ordinal\":");
}

static void hello_agrees_on_a_version_that_both_speak(void **fixture)
{
    (void)fixture;
    says(ask("{'verb':'hello','version':1}"), "'ok':true,'version':1,");
    says(ask("{'verb':'hello','version':99}"), "'ok':true,'version':1,");
    says(ask("{'verb':'hello'}"), "'version':1,");
    says(ask("{'verb':'hello','version':0}"), "'error':'MR_EVERSION'");
    says(ask("{'verb':'hello'}"), mri_bus_loop_uuid(sample.bus));
    says(ask("{'verb':'hello'}"), "'limits':{'line_bytes':1048576,'batch':8192,");
    says(ask("{'verb':'hello'}"), "'subscriptions':8,'claims':128,");
}

static void a_signal_is_emitted_found_and_moved(void **fixture)
{
    (void)fixture;
    uint64_t ordinal = emit("bot");
    assert_true(session.is_promising && service.needs_sync);
    const char *reply = ask("{'verb':'get','signal':%llu}", (unsigned long long)ordinal);
    says(reply, "'state':'generated','ended':null,");
    char id[MR_BUS_ID_BYTES];
    assert_int_equal(mr_bus_id(sample.bus, (mr_ordinal){(uint32_t)ordinal}, id), MR_OK);
    says(ask("{'verb':'get','signal':'%s'}", id), "'source':'bot','name':'bot'");
    says(ask("{'verb':'move','signal':'%s','from':'generated','to':'blocked','gate':'external',"
             "'reason':'external','data':{'why':'no'},'durability':'async'}",
             id),
        "'ok':true,'moved':1,'durability':'async'}");
    says(ask("{'verb':'move','signal':'%s','from':'generated','to':'learned'}", id),
        "'error':'MR_REFUSED'");
    reply = ask("{'id':'m','verb':'move','signal':'%s','from':'generated','to':'blocked',"
                "'gate':'external','reason':'external'}",
        id);
    says(reply, "{'id':'m','ok':false,'error':'MR_CONFLICT'");
    says(reply, "'found':'blocked','winner':");
    says(ask("{'verb':'counts'}"), "'blocked':1,");
    says(ask("{'verb':'query','question':'state=blocked'}"), id);
    assert_int_equal(session.counts.emitted, 1);
    assert_int_equal(session.counts.moved, 1);
}

static void which_move_of_a_list_is_refused_is_said(void **fixture)
{
    (void)fixture;
    unsigned long long one = emit("bot");
    unsigned long long other = emit("bot");
    says(ask("{'verb':'move','moves':[{'signal':%llu,'from':'generated','to':'evaluating'},"
             "{'signal':%llu,'from':'generated','to':'evaluating'},"
             "{'signal':%llu,'from':'generated','to':'evaluating'}]}",
             one, other, one),
        "'text':'move 3 of 3: from: expected evaluating, where move 1 takes signal 1, found "
        "generated','field':'moves[2].from','line':");
    says(ask("{'verb':'move','moves':[{'signal':%llu,'from':'generated','to':'evaluating'},"
             "{'signal':%llu,'from':'generated','to':'learned'}]}",
             one, other),
        "move 2 of 2: to: no move leads from generated to learned, only to evaluating, blocked or "
        "expired','field':'moves[1].to','line':");
    says(ask("{'verb':'move','moves':[{'signal':%llu,'from':'generated','to':'blocked'}]}", one),
        "'text':'gate is missing: a move to blocked needs gate and "
        "reason','field':'moves[0].gate'");
    says(ask("{'verb':'move','signal':%llu,'from':'learned','to':'evaluating'}", one),
        "learned is final, and nothing comes after it','field':'to'");
    says(ask("{'verb':'counts'}"), "'generated':2,'evaluating':0");
    says(ask("{'verb':'move','moves':[{'signal':%llu,'from':'generated','to':'evaluating'},"
             "{'signal':%llu,'from':'evaluating','to':'approved'}]}",
             one, one),
        "'moved':2");
}

static void a_list_is_emitted_whole_or_not_at_all(void **fixture)
{
    (void)fixture;
    const char *reply =
        ask("{'verb':'emit','durability':'async','signals':["
            "{'symbol':'$','side':'long','source':'a','confidence':0.1,'idempotency_key':'k'},"
            "{'symbol':'$','side':'buy','source':'a','confidence':1,'idempotency_key':'k'}]}");
    says(reply, "'repeated':false},{'id':");
    says(reply, "'repeated':true}],'durability':'async'}");
    assert_false(session.is_promising);
    says(ask("{'verb':'emit','symbol':'$','side':'long','source':'a'}"), "'ok':true");
    says(ask("{'verb':'emit','symbol':'$','side':'long','source':'a','confidence':null,"
             "'name':null,'price':null,'horizon':null,'valid_for':null,'external_id':null,"
             "'idempotency_key':null,'account':null,'data':null}"),
        "'ok':true");
    uint64_t last = mri_bus_loop_last(sample.bus).n;
    static const char good[] = "{'symbol':'$','side':'long','source':'a','confidence':0.1}";
    static const struct {
        const char *item;
        const char *field;
    } cases[] = {
        {"{'symbol':'NOPE','side':'long','source':'a','confidence':0.1}", "'signals[1].symbol'"},
        {"{'symbol':'$','side':'up','source':'a','confidence':0.1}", "'signals[1].side'"},
        {"{'symbol':'$','side':'long','confidence':0.1}", "'signals[1].source'"},
        {"{'symbol':'$','side':'long','source':'a','confidence':2}", "'signals[1].confidence'"},
        {"{'symbol':'$','side':'long','source':'a','confidence':1,'horizon':'9m'}",
            "'signals[1].horizon'"},
        {"{'symbol':'$','side':'long','source':'a','confidence':1,'valid_for':'0s'}",
            "'signals[1].valid_for'"},
        {"{'symbol':'$','side':'long','source':'a','confidence':1,'price':-1}",
            "'signals[1].price'"},
        {"{'symbol':'$','side':'long','source':'a','confidence':1,'seq':1}", "'signals[1].seq'"},
        {"1", "'signals[1]'"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        reply = ask("{'verb':'emit','signals':[%s,%s]}", good, cases[i].item);
        says(reply, "'ok':false,'error':'MR_REFUSED'");
        says(reply, cases[i].field);
    }
    says(ask("{'verb':'emit','signals':[]}"), "expected 1 to 8192");
    says(ask("{'verb':'emit','signals':[%s],'side':'long'}", good), "belongs into the items");
    says(ask("{'verb':'emit','signals':[%s],'durability':'no'}", good), "'field':'durability'");
    assert_int_equal(mri_bus_loop_last(sample.bus).n, last); /* nothing of all that was done */
}

static void pages_go_through_all(void **fixture)
{
    (void)fixture;
    uint64_t found = 0;
    uint64_t next = 0;
    for (int i = 0; i < 7; i++) {
        (void)emit("pager");
    }
    for (int page = 0; page < 4; page++) {
        char token[48] = "";
        if (next != 0) {
            (void)snprintf(token, sizeof(token), ",'page':'%llu'", (unsigned long long)next);
        }
        const char *reply = ask("{'verb':'query','question':'source=pager','limit':3%s}", token);
        for (const char *at = reply; (at = strstr(at, "\"ordinal\":")) != NULL; at++) {
            found++;
        }
        next = strstr(reply, "\"next\":null") != NULL ? 0 : number_after(reply, "\"next\":\"");
        assert_int_equal(next == 0, page == 2);
        if (next == 0) {
            break;
        }
    }
    assert_int_equal(found, 7);
    says(ask("{'verb':'query','page':'x'}"), "'field':'page'");
    says(ask("{'verb':'query','limit':0}"), "'field':'limit'");
    says(ask("{'verb':'query','question':'colour=red'}"), "'field':'question'");
}

static void events_come_in_order_until_they_are_acked(void **fixture)
{
    const char *reply;
    (void)fixture;
    says(ask("{'verb':'subscribe','subscription':'s','kind':'signal.generated','source':'bot'}"),
        "'ok':true,'subscription':'s'");
    reply = ask("{'verb':'subscribe','subscription':'s'}");
    says(reply, "'error':'MR_EXISTS'");
    says(reply, "'field':'subscription'");
    says(reply, "this connection has subscribed as \\\"s\\\" already; go on with it, unsubscribe");
    says(ask("{'verb':'next','subscription':'s'}"), "'event':null");
    (void)emit("other");
    uint64_t first = emit("bot");
    uint64_t second = emit("bot");
    reply = ask("{'id':7,'verb':'next','subscription':'s'}");
    says(reply, "{'id':7,'ok':true,'event':{'seq':");
    assert_int_equal(number_after(reply, "\"ordinal\":"), first);
    uint64_t seq = number_after(reply, "\"seq\":");
    says(ask("{'verb':'ack','subscription':'s','seq':%llu}", (unsigned long long)seq), "'ok':true");
    says(ask("{'verb':'ack','subscription':'s','seq':%llu}", (unsigned long long)seq),
        "'error':'MR_CONFLICT'");
    reply = ask("{'verb':'next','subscription':'s'}");
    assert_int_equal(number_after(reply, "\"ordinal\":"), second);
    seq = number_after(reply, "\"seq\":");
    says(ask("{'verb':'nack','subscription':'s','seq':%llu,'reason':'%0201d'}",
             (unsigned long long)seq, 0),
        "'error':'MR_REFUSED'");
    says(mri_buf_c_text(&out), "'field':'reason','byte':");
    says(ask("{'verb':'nack','subscription':'s','seq':%llu,'delay_ms':0,'reason':'full'}",
             (unsigned long long)seq),
        "'ok':true");
    says(ask("{'verb':'next','subscription':'s'}"), "'deliveries':2");
    says(ask("{'verb':'unsubscribe','subscription':'s'}"), "'ok':true");
    says(ask("{'verb':'next','subscription':'s'}"), "'error':'MR_NOT_FOUND'");
    says(ask("{'verb':'subscribe','subscription':'s','kind':'nothing'}"), "'error':'MR_REFUSED'");
    says(mri_buf_c_text(&out), "'field':'kind'");
    says(ask("{'verb':'subscribe','subscription':'No Name'}"), "'error':'MR_EINVAL'");
    assert_int_equal(session.counts.delivered, 3);
    assert_int_equal(session.counts.acked, 1);
}

static void a_request_that_waits_is_answered_by_what_comes(void **fixture)
{
    (void)fixture;
    says(ask("{'verb':'subscribe','subscription':'w','kind':'signal.generated'}"), "'ok':true");
    says(ask("{'id':'n','verb':'next','subscription':'w','timeout_ms':60000}"), "");
    assert_true(session.waiting.is_waiting && out.count == 0);
    mri_line_session_resume(&session, false);
    assert_true(session.waiting.is_waiting && out.count == 0);
    const mr_emission emission = mri_api_sample_emission(&sample, 0, "bot");
    mr_bus *other = mri_api_sample_open(&sample);
    mr_ordinal ordinal = mri_api_sample_emit(other, &emission);
    mri_line_session_resume(&session, false);
    assert_false(session.waiting.is_waiting);
    says(mri_buf_c_text(&out), "{'id':'n','ok':true,'event':{");
    assert_int_equal(number_after(mri_buf_c_text(&out), "\"ordinal\":"), ordinal.n);

    says(ask("{'id':2,'verb':'wait','timeout_ms':60000}"), "");
    assert_true(session.waiting.is_waiting);
    (void)mri_api_sample_emit(other, &emission);
    mri_line_session_resume(&session, false);
    says(mri_buf_c_text(&out), "{'id':2,'ok':true,'grown':true,'last':");
    unsigned long long last = mri_bus_loop_last(sample.bus).n;
    says(ask("{'verb':'wait','after':%llu,'timeout_ms':60000}", last - 1), "'grown':true");
    says(ask("{'verb':'wait','after':%llu}", last), "'grown':false");
    says(ask("{'verb':'wait','after':%llu}", last + 1), "'error':'MR_REWOUND'");
    says(ask("{'verb':'wait','timeout_ms':60000}"), "");
    mri_line_session_resume(&session, true); /* the server ends */
    says(mri_buf_c_text(&out), "'grown':false");
    mr_bus_close(other);
}

static void subscriptions_have_a_limit(void **fixture)
{
    (void)fixture;
    for (int i = 0; i < MRI_LINE_SESSION_SUBSCRIPTIONS_MAX; i++) {
        says(ask("{'verb':'subscribe','subscription':'n%d'}", i), "'ok':true");
    }
    says(ask("{'verb':'subscribe','subscription':'more'}"), "'error':'MR_FULL'");
}

static void who_does_not_read_is_told_and_nothing_is_done(void **fixture)
{
    (void)fixture;
    uint64_t last = mri_bus_loop_last(sample.bus).n;
    const char *reply = ask_behind(
        "{'id':5,'verb':'emit','symbol':'$','side':'long','source':'a','confidence':0.5}");
    says(reply, "{'id':5,'ok':false,'error':'MR_AGAIN'");
    assert_int_equal(mri_bus_loop_last(sample.bus).n, last);
    says(ask_behind("{'id':6,'verb':'quit'}"), "{'id':6,'ok':true}");
    assert_true(session.is_done);
}

static void a_line_that_is_too_long_is_told_with_its_number(void **fixture)
{
    (void)fixture;
    const struct mri_input_line line = {.number = 3, .is_too_long = true};
    mri_line_session_take(&session, &line, MRI_LINE_SESSION_DO);
    says(mri_buf_c_text(&out), "{'id':null,'ok':false,'error':'MR_REFUSED'");
    says(mri_buf_c_text(&out), "'byte':1048576,'line':3}");
    says(ask("{'verb':'counts'}"), "'ok':true");
}

static void pass_a_second(void)
{
    const struct mri_os *os = &sample.story->machine.table;
    os->sleep_ns(os->context, 1000000000);
}

static void a_signal_is_claimed_by_one_connection_and_moved_by_it_alone(void **fixture)
{
    (void)fixture;
    struct mri_line_session other;
    unsigned long long ordinal = emit("bot");
    says(ask("{'verb':'claim','owner':'w','to':'evaluating','lease_ms':5000}"),
        "'lease_ms':5000,'durability':'group'}");
    assert_true(session.is_promising);
    says(ask("{'verb':'claim','owner':'v','to':'evaluating'}"), "'ok':true,'signal':null}");
    mri_line_session_init(&other, &service, &out);
    asking = &other;
    says(ask("{'verb':'claim','owner':'v','to':'evaluating','signal':%llu}", ordinal),
        "'error':'MR_CONFLICT'");
    const char *reply =
        ask("{'verb':'move','signal':%llu,'from':'generated','to':'evaluating'}", ordinal);
    says(reply, "'error':'MR_CONFLICT'");
    says(reply, "'found':'generated','winner':");
    says(reply, "'owner':'w'}");
    says(ask("{'verb':'move','moves':[{'signal':%llu,'from':'generated','to':'evaluating'}]}",
             ordinal),
        "'error':'MR_CONFLICT'");
    says(ask("{'verb':'renew','signal':%llu}", ordinal), "one that this connection has claimed");
    says(ask("{'verb':'release','signal':%llu}", ordinal), "'error':'MR_CONFLICT'");
    asking = &session;
    says(ask("{'verb':'renew','signal':%llu}", ordinal), "'ok':true,'lease_ms':5000}");
    says(ask("{'verb':'renew','signal':%llu,'lease_ms':0}", ordinal), "expected 1 to 86400000");
    says(ask("{'verb':'move','signal':%llu,'from':'generated','to':'evaluating'}", ordinal),
        "'moved':1");
    says(ask("{'verb':'move','signal':%llu,'from':'evaluating','to':'blocked','gate':'external',"
             "'reason':'external'}",
             ordinal),
        "'moved':1");
    assert_int_equal(service.claim_count, 0); /* it is over with that */
    says(ask("{'verb':'release','signal':%llu}", ordinal), "'error':'MR_CONFLICT'");
}

static void a_connection_that_closes_gives_its_claims_back(void **fixture)
{
    (void)fixture;
    struct mri_line_session waiting;
    unsigned long long ordinal = emit("bot");
    says(ask("{'verb':'claim','owner':'w','to':'evaluating'}"), "'ok':true,'signal':{");
    mri_line_session_init(&waiting, &service, &out);
    asking = &waiting;
    says(ask("{'id':9,'verb':'claim','owner':'v','to':'evaluating','timeout_ms':60000}"), "");
    assert_true(waiting.waiting.is_waiting && out.count == 0);
    mri_line_session_fini(&session);
    assert_int_equal(service.claim_count, 0);
    mri_buf_clear(&out);
    pass_a_second();
    mri_line_session_resume(&waiting, false);
    says(mri_buf_c_text(&out), "{'id':9,'ok':true,'signal':{");
    assert_int_equal(number_after(mri_buf_c_text(&out), "\"ordinal\":"), ordinal);
    mri_line_session_fini(&waiting);
}

static void a_lease_that_is_over_ends_the_claim(void **fixture)
{
    (void)fixture;
    unsigned long long ordinal = emit("bot");
    says(ask("{'verb':'claim','owner':'w','to':'evaluating','lease_ms':10}"), "'ok':true");
    pass_a_second();
    mr_bus *other = mri_api_sample_open(&sample);
    mr_problem problem = {""};
    mr_claim claimed;
    const mr_claim_options options = {
        .from = MR_GENERATED, .next = MR_EVALUATING, .owner = "v", .lease_ns = 60000000000};
    assert_int_equal(mr_bus_claim(other, &options, MR_ASYNC, &claimed, NULL, &problem), MR_OK);
    const char *reply =
        ask("{'verb':'move','signal':%llu,'from':'generated','to':'evaluating'}", ordinal);
    says(reply, "'error':'MR_CONFLICT'");
    says(reply, "the claim of event");
    assert_int_equal(service.claim_count, 0);
    says(ask("{'verb':'renew','signal':%llu}", ordinal), "'error':'MR_CONFLICT'");
    mr_bus_close(other);
    reply = ask("{'verb':'move','signal':%llu,'from':'generated','to':'evaluating'}", ordinal);
    says(reply, "'moved':1"); /* nobody has it any more */
}

static void a_lease_that_is_over_counts_though_nobody_has_noticed(void **fixture)
{
    (void)fixture;
    for (unsigned i = 0; i < 4; i++) {
        unsigned long long n = emit("bot");
        says(ask("{'verb':'claim','owner':'w','to':'evaluating','lease_ms':10,'signal':%llu}", n),
            "'ok':true");
        pass_a_second();
        const char *reply =
            i == 0   ? ask("{'verb':'move','signal':%llu,'from':'generated','to':'evaluating'}", n)
            : i == 1 ? ask("{'verb':'move','moves':[{'signal':%llu,'from':'generated',"
                           "'to':'evaluating'}]}",
                           n)
            : i == 2 ? ask("{'verb':'release','signal':%llu}", n)
                     : ask("{'verb':'renew','signal':%llu}", n);
        says(reply, "'error':'MR_CONFLICT'");
        says(reply, " is generated: the claim of event ");
        says(reply, i < 2 ? "'found':'generated','winner':" : "its lease is over");
        assert_int_equal(service.claim_count, 0);
        says(ask("{'verb':'release','signal':%llu}", n), "'error':'MR_CONFLICT'");
        says(ask("{'verb':'move','signal':%llu,'from':'generated','to':'evaluating'}", n),
            "'moved':1"); /* it was told, and is like anybody now */
    }
}

static void another_connection_moves_what_a_lease_that_is_over_has_freed(void **fixture)
{
    (void)fixture;
    struct mri_line_session other;
    unsigned long long ordinal = emit("bot");
    says(ask("{'verb':'claim','owner':'w','to':'evaluating','lease_ms':10}"), "'ok':true");
    pass_a_second();
    mri_line_session_init(&other, &service, &out);
    asking = &other;
    says(ask("{'verb':'move','moves':[{'signal':%llu,'from':'generated','to':'evaluating'}]}",
             ordinal),
        "'moved':1");
    asking = &session;
    says(ask("{'verb':'release','signal':%llu}", ordinal), "'error':'MR_CONFLICT'");
    mri_line_session_fini(&other);
}

static void claims_have_limits_and_fields_are_named(void **fixture)
{
    (void)fixture;
    static const struct {
        const char *fields;
        const char *says;
    } cases[] = {
        {"'to':'executed'", "'text':'owner is missing: expected the worker"},
        {"'owner':'w'", "'field':'to'"},
        {"'owner':'w','to':'x'", "'field':'to'"},
        {"'owner':'w','to':'generated'", "nobody can claim a signal to move it from generated"},
        {"'owner':'w','to':'evaluating','from':'x'", "'field':'from'"},
        {"'owner':'w','to':'evaluating','lease_ms':86400001", "'field':'lease_ms'"},
        {"'owner':'','to':'evaluating'", "'field':'owner'"},
        {"'owner':'w','to':'evaluating','symbol':'NOPE'", "'field':'symbol'"},
        {"'owner':'w','to':'evaluating','signal':999", "'error':'MR_NOT_FOUND'"},
        {"'owner':'w','to':'evaluating','signal':1,'symbol':'NOPE'", "'field':'symbol'"},
        {"'owner':'w','to':'evaluating','signal':1,'source':'bot'", "'field':'source'"},
        {"'owner':'w','to':'evaluating','timeout_ms':-1", "'field':'timeout_ms'"},
    };
    (void)emit("bot");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *reply = ask("{'verb':'claim',%s}", cases[i].fields);
        says(reply, "'ok':false");
        says(reply, cases[i].says);
    }
    for (int i = 0; i < MRI_LINE_SESSION_CLAIMS_MAX; i++) {
        (void)emit("bot");
    }
    for (int i = 0; i < MRI_LINE_SESSION_CLAIMS_MAX; i++) {
        says(ask("{'verb':'claim','owner':'w','to':'evaluating'}"), "'ok':true,'signal':{");
    }
    says(ask("{'verb':'claim','owner':'w','to':'evaluating'}"),
        "'error':'MR_FULL','text':'at most 128 claims a connection, 1024 in all'");
    says(ask("{'verb':'release','signal':1,'durability':'async'}"), "'durability':'async'");
    says(ask("{'verb':'claim','owner':'w','to':'evaluating'}"), "'ordinal':1,");
}

static void feedback_is_kept_and_its_fields_checked(void **fixture)
{
    (void)fixture;
    unsigned long long ordinal = emit("bot");
    says(ask("{'verb':'feedback','signal':%llu,'source':'desk','judgement':'loss','return_bps':-12."
             "5,"
             "'lesson':'late','evidence':{'a':[1]}}",
             ordinal),
        "'ok':true,'durability':'group'}");
    says(ask("{'verb':'feedback','signal':%llu,'source':'desk','judgement':'bad'}", ordinal),
        "'field':'judgement','byte':");
    says(ask("{'verb':'feedback','signal':%llu}", ordinal), "'field':'source'");
    says(ask("{'verb':'feedback','signal':99,'source':'desk'}"), "'error':'MR_NOT_FOUND'");
    says(ask("{'verb':'feedback','signal':%llu,'source':'desk','evidence':[]}", ordinal),
        "evidence: expected an object");
    says(ask("{'verb':'feedback','signal':%llu,'source':'desk'}", ordinal), "this says nothing");
    says(ask("{'verb':'feedback','signal':%llu,'source':'rsi','judgement':'win'}", ordinal),
        "'field':'source','byte':");
    says(ask("{'verb':'feedback','signal':%llu,'source':'desk','return_bps':1e300}", ordinal),
        "'field':'return_bps','byte':");
}

static void health_has_the_numbers_of_status(void **fixture)
{
    (void)fixture;
    (void)emit("bot");
    says(ask("{'verb':'subscribe','subscription':'late','from_beginning':true}"), "'ok':true");
    const char *reply = ask("{'id':'h','verb':'health'}");
    says(reply, "{'id':'h','ok':true,'state':'");
    says(reply, "'signals':1,'states':{'generated':1,");
    says(reply, "'stages':{'bars':{'done':");
    says(reply, "'consumers':{'late':{'events':");
    says(reply, "'pending_inputs':1,");
    says(reply, "'event_time_unix_ns':");
}

static void orders_are_told_and_reports_checked(void **fixture)
{
    (void)fixture;
    says(ask("{'id':1,'verb':'orders'}"), "{'id':1,'ok':true,'orders':[],'count':0}");
    assert_true(session.is_promising && service.needs_sync); /* none is told that is not durable */
    says(ask("{'verb':'report','status':'sent'}"), "'field':'order'");
    says(ask("{'verb':'report','order':'m1'}"), "'field':'status'");
    says(ask("{'verb':'report','order':'m1','status':'filled','time':'noon'}"), "'field':'time'");
    says(ask("{'verb':'report','order':'m1','status':'filled','time':1.5}"), "'field':'time'");
    says(ask("{'verb':'report','order':'m1','status':'filled','time':-1}"), "'field':'time'");
    says(ask("{'verb':'report','order':'m1','status':'sent','time':1690000000}"), "MR_NOT_FOUND");
    says(ask("{'verb':'report','order':'m1','status':'half'}"), "'field':'status'");
    says(ask("{'verb':'report','order':'m1','status':'filled','price':1}"), "'text':'quantity: ");
    says(ask("{'verb':'report','order':'m1','status':'filled','price':1,'quantity':1,'fee':0}"),
        "'text':'order_unknown: "); /* before its time */
    says(ask("{'verb':'report','order':'','status':'sent'}"), "'field':'order'");
    says(ask("{'verb':'report','order':'%065d','status':'sent'}", 0), "'text':'order: expected");
    says(mri_buf_c_text(&out), "'field':'order'");
    says(ask("{'verb':'report','order':'m1','status':'sent','durability':'never'}"),
        "'field':'durability'");
    const char *reply =
        ask("{'id':9,'verb':'report','order':'m1','status':'filled','price':1,'quantity':2.5,"
            "'fee':0,'time':'2023-05-04T15:34:00Z','venue_order_id':'7','symbol':'$',"
            "'side':'buy','executor':'e','message':'m','durability':'async'}");
    says(reply, "{'id':9,'ok':false,'error':'MR_NOT_FOUND','text':'order_unknown: ");
}

static void without_room_for_a_reply_the_session_is_broken(void **fixture)
{
    (void)fixture;
    out.bytes_max = 20;
    says(ask("{'verb':'counts'}"), "");
    assert_true(session.is_broken);
    assert_int_equal(out.count, 0); /* no half reply */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(hello_agrees_on_a_version_that_both_speak),
        TEST(a_signal_is_emitted_found_and_moved),
        TEST(which_move_of_a_list_is_refused_is_said),
        TEST(a_list_is_emitted_whole_or_not_at_all),
        TEST(pages_go_through_all),
        TEST(events_come_in_order_until_they_are_acked),
        TEST(a_request_that_waits_is_answered_by_what_comes),
        TEST(subscriptions_have_a_limit),
        TEST(who_does_not_read_is_told_and_nothing_is_done),
        TEST(a_line_that_is_too_long_is_told_with_its_number),
        TEST(a_signal_is_claimed_by_one_connection_and_moved_by_it_alone),
        TEST(a_connection_that_closes_gives_its_claims_back),
        TEST(a_lease_that_is_over_ends_the_claim),
        TEST(a_lease_that_is_over_counts_though_nobody_has_noticed),
        TEST(another_connection_moves_what_a_lease_that_is_over_has_freed),
        TEST(claims_have_limits_and_fields_are_named),
        TEST(feedback_is_kept_and_its_fields_checked),
        TEST(health_has_the_numbers_of_status),
        TEST(orders_are_told_and_reports_checked),
        TEST(without_room_for_a_reply_the_session_is_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
