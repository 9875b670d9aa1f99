#!/usr/bin/env python3
"""Seeded bugs: each must be caught by the test that is named beside it.

    run.py SOURCE BUILD [--only WORD ...]
    run.py SOURCE --table     only look whether the texts are there

A copy of the tree is built once in BUILD; then for each bug one text is replaced in the copy, what
depends on it is built again, and the test must fail. A text that is not in the source any more, or
is there twice, is an error: so the table cannot rot.
"""
import os
import pathlib
import shutil
import subprocess
import sys

TEST_SECONDS = 240

LOG = "src/log/"
CRASH = "tests/crash/"

# name, file, text, what is there instead, program that must fail, environment of it
CANARIES = [
    ("a state in the making tells the time", "src/api/bus_api.c",
     "    while (bus->has_state && mri_derived_look(bus->log, &version) == MR_OK) {",
     "    for (version = 0; bus->has_state; version++) {\n"
     "        if (version > 0) {\n            *ret_time_unix_ns = 0;\n            return MR_OK;\n        }",
     "tests/crash/state_making_test", {}),
    ("a derived area that lacks events is taken for whole", LOG + "hot/hot_derive.c",
     "    return atomic_load_explicit(&writer->derived_seq, memory_order_relaxed) + 1 == writer->next_seq;",
     "    return atomic_load_explicit(&writer->derived_seq, memory_order_relaxed) < writer->next_seq;",
     "src/derived_test", {}),
    ("the shared table keeps a signal in the list of its old state", "src/bus/signal_table.c",
     "    list_remove(table, journal, state, slot);\n", "    (void)state;\n", "src/shared_test", {}),
    ("a move is made whatever the state is", "src/bus/signal_table.c",
     "    if (state != move->from) {\n        return MR_CONFLICT;\n    }\n", "",
     CRASH + "shared_race_test", {}),
    ("a part of an answer counts that somebody has changed", "src/bus/shared_query.c",
     "        if (moments->is_same(moments->context, version)) {\n            first -= count;",
     "        if (moments->is_same(moments->context, version) || first > 0) {\n            first -= count;",
     "src/ask_test", {}),
    ("what came later is told of the past", "src/bus/moment.c",
     "        if (err == MR_OK && seq <= looking->moment->token.seq) {", "        if (err == MR_OK) {",
     "src/bus_at_test", {}),
    ("a second intent is taken while the first order lives", "src/bus/order_table.c",
     "        return event->ordinal != 0 && is_next ? MR_OK : MR_REFUSED;", "        return event->ordinal != 0 || is_next ? MR_OK : MR_REFUSED;",
     "src/order_table_test", {}),
    ("a fill of more than is left is taken", "src/bus/order_table.c",
     "    return claim->quantity <= left ? MRI_REASON_NONE", "    return claim->quantity > 0 ? MRI_REASON_NONE",
     "src/execution_test", {}),
    ("a fill after a rejection is taken", "src/bus/order_table.c",
     "    if (order->state == MRI_ORDER_REJECTED || order->state == MRI_ORDER_CANCELLED) {\n        return MRI_REASON_ORDER_OVER;\n    }\n",
     "", "src/execution_test", {}),
    ("an order is handed out before it is durable", "src/api/executor.c",
     "mr_log_durable(bus->log).n >= view->order->intent_seq", "view->order->intent_seq > 0",
     "src/execution_test", {}),
    ("orders outside are filled from bars", "src/execute/execute.c",
     "    if (position->is_outside) {\n        return mri_outside_decide_exit", "    if (position->is_outside && position->is_open) {\n        return mri_outside_decide_exit",
     "src/execution_test", {}),
    ("two exits of a position live at once", "src/execute/outside.c",
     "        if (mri_order_is_live((enum mri_order_state)order->state) ||", "        if (",
     "src/execution_test", {}),
    ("what became of an order that was tried again is forgotten", "src/bus/order_table.c",
     "        .earlier = earlier & EARLIER_MAX,", "        .earlier = (uint32_t)(attempt & 0),", "src/order_table_test", {}),
    ("a snapshot lacks the orders", "src/pipeline/fold_snapshot.c",
     "    mri_order_snapshot_save(&fold->bus.orders, &payload);\n", "", "src/execution_test", {}),
    ("a neighbour in a list by state is not noted as changed", "src/bus/slots.c",
     "change(slots, slot->state_prev, seq)->state_next", "mri_slots_get(slots, slot->state_prev)->state_next",
     "src/slots_test", {}),
    ("a snapshot that nobody builds on hides what was changed before it", "src/bus/slots.c",
     "saved += since_seq == 0 || slots->changed_seqs[i] > since_seq;",
     "saved += since_seq == 0 || slots->changed_seqs[i] > since_seq + 1;", "src/slots_test", {}),
    ("a sync is not done", LOG + "hot/hot_commit.c",
     "    if (os->sync_data(os->context, fd) != MR_OK) {\n        return poison",
     "    if (fd < 0) {\n        return poison", CRASH + "power_states_test", {}),
    ("the tail is moved before the records are there", LOG + "hot/hot_tail.c",
     "    struct chain chain = chain_now(hot, now_unix_ns);\n    for (size_t i = 0; i < batch->count",
     "    struct chain chain = chain_now(hot, now_unix_ns);\n"
     "    atomic_store(&hot->shared->tail,\n        hot->shared->writer.pending + hot->shared->segment_bytes / 64);\n"
     "    for (size_t i = 0; i < batch->count", "tests/sim/log_sim_test", {}),
    ("a move that comes behind a later one is taken for the newest", "src/learn/learn.c",
     "if (move->to < (*life & LIFE_STATE)) {", "if (0 && move->to < (*life & LIFE_STATE)) {",
     "tests/scenarios/superseded_test", {}),
    ("a segment of another log is written to", LOG + "hot/hot_files.c",
     "return is_other ? MR_EPATH : err;", "return is_other && is_hurt ? MR_EPATH : err;", "src/hot_tail_test", {}),
    ("the folder is not synced behind a new segment", LOG + "hot/hot_files.c",
     "    return err == MR_OK ? os->sync_folder(os->context, hot->options.folder) : err;",
     "    return err;", CRASH + "power_states_test", {}),
    ("records are not chained", LOG + "format/recover.c",
     "head->seq == walk->link.seq && head->prev_crc == walk->link.crc &&",
     "head->seq == walk->link.seq &&", "src/recover_test", {}),
    ("the length is not covered by the checksum", LOG + "format/record.c",
     "    crc = mri_crc32c(crc, &bytes, sizeof(bytes));",
     "    (void)bytes;", "src/record_test", {}),
    ("the position is not covered by the checksum", LOG + "format/record.c",
     "    const uint64_t front[2] = {salt, position};",
     "    const uint64_t front[2] = {salt, 0 * position};", "src/record_test", {}),
    ("an orphaned lock is not mended", LOG + "hot/hot_tail.c",
     "        mri_robust_lock_mend(&hot->shared->append_lock);\n", "", "tests/sim/log_sim_test", {}),
    ("readers are woken before the append", LOG + "hot/hot_tail.c",
     "    err = append_locked(hot, &batch);\n    if (err == MR_ENOSPC) {",
     "    mri_hot_wake(hot, batch.bits);\n    batch.bits = 0;\n"
     "    err = append_locked(hot, &batch);\n    if (err == MR_ENOSPC) {",
     "tests/sim/log_sim_test", {}),
    ("a reader that sleeps does not say for what", LOG + "hot/hot_view.c",
     "    atomic_fetch_or(sleep->wanted, sleep->bits);\n", "", "tests/sim/log_sim_test", {}),
    ("a reader does not look again before it sleeps", LOG + "hot/hot_view.c",
     "    bool is_over = atomic_load(sleep->mark) > sleep->value || mri_hot_view_is_closed(view);",
     "    bool is_over = mri_hot_view_is_closed(view);", "tests/sim/log_sim_test", {}),
    ("the helper does not say that it is idle", LOG + "hot/hot_thread.c",
     "        atomic_fetch_add(&shared->idle_helpers, 1);\n", "", "tests/sim/log_sim_test", {}),
    ("the cursor moves over what is not acked", LOG + "consume/consumer_window.c",
     "    window->bits[at / 64] |= (uint64_t)1 << (at % 64);\n    settle(window);",
     "    mri_consumer_window_skip(window, seq + 1);", "src/consumer_window_test", {}),
    ("the cache is believed after a failed sync", "src/os/os_linux.c",
     "        err = compare_kept_pages(&with, map, bytes);\n        if (err == MR_CONFLICT) {",
     "        if (err == MR_CONFLICT) {", "tests/torture/torture_fsync_test", {"FAILURES": "10"}),
    ("blocks whose first writing has failed are written again", LOG + "open/cold.c",
     "    if (err == MR_OK && opening->cold->is_after_poison) {",
     "    if (err == MR_OK && opening->cold == NULL) {", "tests/torture/torture_fsync_test",
     {"FAILURES": "10"}),
    ("a durable ack is not synced", LOG + "consume/consumer.c",
     "    return mri_consumer_file_sync(&consumer->file) == MR_OK",
     "    return consumer->file.fd >= 0", CRASH + "consumer_power_test", {}),
    ("a failed sync may be tried again", LOG + "hot/hot_commit.c",
     "        return poison(hot, MR_EUNKNOWN);", "        return MR_EUNKNOWN;",
     CRASH + "power_states_test", {}),
    ("a failed write may be tried again", LOG + "hot/hot_commit.c",
     "    return err == MR_EPOISONED || mri_hot_tail_is_shortage(err) ? err : poison(hot, err);", "    return err;",
     CRASH + "power_states_test", {}),
    ("a failed write counts as written", LOG + "hot/hot_commit.c",
     "        atomic_store_explicit(&shared->written, chunk.end, memory_order_release);\n    }\n"
     "    return final_of_write(err);",
     "    }\n    atomic_store_explicit(&shared->written, chunk.end, memory_order_release);\n"
     "    return MR_OK;", CRASH + "power_states_test", {}),
    ("a batch without its end is taken", LOG + "format/recover.c",
     "        if ((head->flags & MRI_RECORD_TXN_END) == 0) {\n            continue;",
     "        if (head->flags == UINT8_MAX) {\n            continue;", "src/recover_test", {}),
    ("a lock is taken from who holds it too long", "src/os/robust_lock.c",
     "            look_ns = look_ns < LOOK_NS_MAX ? 2 * look_ns : LOOK_NS_MAX;",
     "            *ret_is_orphan = false;\n            return MR_OK;", CRASH + "hot_kill_test", {}),
    ("a lock is waited for inside of the C library", "src/os/robust_lock.c",
     "    return err == MR_BUSY ? take_sleeping(lock, ret_is_orphan) : err;",
     "    (void)take_sleeping;\n    return err == MR_BUSY ? answer(pthread_mutex_lock("
     "mutex_of(lock)), ret_is_orphan) : err;", "src/robust_lock_test", {}),
    ("a log stays closed when it is opened", LOG + "meet/control.c",
     "    control.generation = OPENED_SINCE;\n", "", "src/attachment_test", {}),
    ("the memory is believed after the machine has started again", LOG + "meet/control.c",
     "memcmp(boot_id, control.boot_id, sizeof(boot_id)) != 0", "boot_id[0] == 255",
     CRASH + "side_files_test", {}),
    ("a short write is whole", "src/os/os_linux.c",
     "        left -= (size_t)put;", "        left = 0;", "src/os_linux_test", {}),
    ("a full disk is not noticed when a spare is made", LOG + "hot/hot_spares.c",
     "        err = os->allocate(os->context, fd, hot->shared->segment_bytes);",
     "        (void)os->allocate(os->context, fd, hot->shared->segment_bytes);",
     CRASH + "power_states_test", {}),
    ("a snapshot is not synced", LOG + "open/snapshot.c",
     "    if (err == MR_OK) {\n        err = os->sync_data(os->context, fd);\n    }\n", "",
     "src/snapshot_test", {}),
    ("the folder of the snapshots is not synced", LOG + "open/snapshot.c",
     "        err = os->sync_folder(os->context, folder);", "        err = MR_OK;",
     "src/snapshot_test", {}),
    ("an archive is not synced", LOG + "format/archive.c",
     "        err = pack_into(archiving, fd);\n    }\n    if (err == MR_OK) {\n"
     "        err = os->sync_data(os->context, fd);",
     "        err = pack_into(archiving, fd);\n    }\n    if (err == MR_OK) {\n"
     "        err = MR_OK;", "src/archive_test", {}),
    ("a file that is replaced is not synced", "src/os/os.c",
     "    if (err == MR_OK) {\n        err = os->sync_data(os->context, fd);\n    }\n", "",
     CRASH + "power_states_test", {}),
    ("a seal skips a record", LOG + "prove/sealer.c",
     "    if (!mri_record_is_numbered(record) || last < draft->first_seq) {",
     "    if (!mri_record_is_numbered(record) || last <= draft->first_seq) {",
     "src/sealer_test", {}),
    ("durable records are cut off", LOG + "format/recover.c",
     "    {ANY, YES, YES, MRI_RECOVER_QUARANTINE},", "    {ANY, YES, YES, MRI_RECOVER_TRUNCATE},",
     CRASH + "log_damage_test", {}),
    ("records in the ring are not checked before they are written", LOG + "hot/hot_commit.c",
     "        if (!is_good) {", "        if (!is_good && head->bytes == 0) {",
     "src/hot_tail_test", {}),
    ("a full ring is written over", LOG + "hot/hot_tail.c",
     "    if (new_tail - shared->writer.written_seen <= room) {",
     "    if (new_tail - shared->writer.written_seen <= 2 * hot->options.ring_bytes) {",
     "src/hot_ring_test", {}),
    ("a saturated durable_lag is a claim", LOG + "format/recover.c",
     "head->durable_lag != LAG_CLAIMS_NOTHING && head->durable_lag <= head->seq",
     "head->durable_lag <= head->seq", "src/recover_test", {}),
    ("a token is good without its epoch and checksum", LOG + "read/seek.c",
     "event.writer_epoch == token->writer_epoch && event.chain_crc == token->chain_crc",
     "event.seq.n == token->seq", "src/seek_test", {}),
    ("a complete batch of a killed writer is dropped", LOG + "hot/hot_tail.c",
     "    if (writer->pending > tail) {\n        mr_err err = finish_batch(hot, tail);",
     "    if (writer->pending > tail && tail == 0) {\n"
     "        mr_err err = finish_batch(hot, tail);",
     CRASH + "hot_kill_test", {}),
    ("what a dropped batch has changed is not put back", LOG + "hot/hot_tail.c",
     "    if (writer->undo_count > 0 && writer->pending == writer->undo_pending) {",
     "    if (writer->undo_count > 0 && writer->pending == 0) {", CRASH + "hot_kill_test", {}),
    ("what a complete batch has changed is put back", LOG + "hot/hot_tail.c",
     "    if (writer->undo_count > 0 && writer->pending == writer->undo_pending) {",
     "    if (writer->undo_count > 0) {", CRASH + "hot_kill_test", {}),
    ("a word is changed before what it was is noted", LOG + "hot/hot_derive.c",
     "    *(volatile uint32_t *)journal->count = count + 1;\n"
     "    atomic_thread_fence(memory_order_release);\n    MRI_HOT_POINT(21);\n"
     "    *(volatile uint64_t *)word = value;\n    MRI_HOT_POINT(22);",
     "    *(volatile uint64_t *)word = value;\n    MRI_HOT_POINT(22);\n"
     "    *(volatile uint32_t *)journal->count = count + 1;",
     CRASH + "hot_kill_test", {}),
    ("what others have written is not written again by who syncs", LOG + "hot/hot_files.c",
     "    return opened_at > from ? write_again(hot, fd, from, opened_at) : MR_OK;",
     "    return opened_at > from && fd < 0 ? write_again(hot, fd, from, opened_at) : MR_OK;",
     CRASH + "log_faults_test", {}),
    ("a repaired segment is not synced", LOG + "keep/repair.c",
     "        err = patch(repair, work, fd);\n    }\n    if (err == MR_OK) {\n"
     "        err = os->sync_data(os->context, fd);",
     "        err = patch(repair, work, fd);\n    }\n    if (err == MR_OK) {\n"
     "        err = MR_OK;", "src/repair_test", {}),
    ("an append expects nothing", LOG + "hot/hot_tail.c",
     "        how->expected_last != shared->writer.next_seq - 1) {",
     "        how->expected_last > shared->writer.next_seq - 1) {",
     "src/append_test", {}),
    ("a whole REAL is not the integer that it is equal to", "src/sql/plan.c",
     "number : number - 1, is_same};", "number : number - 1, false};", "src/sql_twin_test", {}),
]

def copy_tree(source, tree):
    """The files that git knows, and new ones; only those that differ are touched."""
    names = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                           cwd=source, capture_output=True, check=True, text=True).stdout
    for name in names.splitlines():
        old, new = source / name, tree / name
        if not old.is_file():
            continue
        if not new.exists() or new.read_bytes() != old.read_bytes():
            new.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(old, new)


def check_table(source):
    bad = []
    for name, path, text, _, _, _ in CANARIES:
        count = (source / path).read_text().count(text)
        if count != 1:
            bad.append(f"{name}: the text is {count} times in {path}")
    return bad


def build(folder, target):
    return subprocess.run(["ninja", "-C", str(folder), "--quiet", "-j2", target],
                          capture_output=True, text=True, check=False)


def run_one(tree, folder, canary):
    name, path, text, other, target, environment = canary
    file = tree / path
    before = file.read_text()
    file.write_text(before.replace(text, other))
    try:
        built = build(folder, target)
        if built.returncode != 0:
            return "does not build", built.stdout[-1500:]
        try:
            result = subprocess.run([str(folder / target)], env={**os.environ, **environment},
                                    capture_output=True, timeout=TEST_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return "caught (hangs)", ""
        return ("MISSED" if result.returncode == 0 else "caught"), ""
    finally:
        file.write_text(before)


def main():
    arguments = sys.argv[1:]
    words = []
    if "--only" in arguments:
        at = arguments.index("--only")
        words, arguments = arguments[at + 1:], arguments[:at]
    source = pathlib.Path(arguments[0]).resolve()
    bad = check_table(source)
    if bad:
        print("\n".join(bad))
        return 1
    if arguments[1] == "--table":
        print(f"{len(CANARIES)} bugs; the text of each is in the source once")
        return 0
    folder = pathlib.Path(arguments[1]).resolve()
    tree, out = folder / "tree", folder / "out"
    tree.mkdir(parents=True, exist_ok=True)
    copy_tree(source, tree)
    if not (out / "build.ninja").exists():
        subprocess.run(["meson", "setup", str(out), str(tree), "-Dwerror=false"], check=True,
                       stdout=subprocess.DEVNULL)
    missed = 0
    total = 0
    for canary in CANARIES:
        if words and not any(word in canary[0] for word in words):
            continue
        answer, text = run_one(tree, out, canary)
        total += 1
        missed += not answer.startswith("caught")
        print(f"{answer:15} {canary[0]:62} {pathlib.Path(canary[4]).name}{text}", flush=True)
    print(f"{total - missed} of {total} caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
