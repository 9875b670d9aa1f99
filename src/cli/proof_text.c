/* SPDX-License-Identifier: MIT */
/*
 * Proofs as JSON. All values but `seq` are texts, so that no reader rounds them; lists of hashes
 * and records are one text each, the parts one after the other.
 */
#include "cli/proof_text.h"

#include <string.h>

#include "base/problem.h"
#include "cli/describe.h"
#include "json/json_read.h"

static void put_hex(struct mri_json_writer *json, const char *key, const void *bytes, size_t count)
{
    mri_json_write_key(json, key);
    mri_json_write_text(json, (struct mri_slice){"", 0});
    json->buf->count -= json->buf->count > 0; /* hex digits need no escapes: between the quotes */
    mri_seal_heads_put_hex(bytes, count, json->buf);
    mri_buf_text(json->buf, "\"");
}

void mri_proof_text_write(const struct mri_proof *proof, struct mri_buf *text)
{
    struct mri_json_writer json;
    mri_json_write_begin(&json, text);
    mri_json_write_object_open(&json);
    mri_json_put_count(&json, "seq", proof->seq);
    put_hex(&json, "record", proof->record.bytes, proof->record.count);
    put_hex(&json, "path", proof->path, proof->path_count * sizeof(proof->path[0]));
    put_hex(&json, "seal", proof->seal.bytes, proof->seal.count);
    put_hex(&json, "links", proof->links.bytes, proof->links.count);
    mri_json_put_count(&json, "head_seq", proof->head.seq);
    put_hex(&json, "head_link", proof->head.link.bytes, sizeof(proof->head.link.bytes));
    mri_json_write_object_close(&json);
    mri_buf_text(text, "\n");
}

static mr_err take_hex(struct mri_buf *buf, struct mri_slice text)
{
    uint8_t *place = mri_buf_grow(buf, text.count / 2);
    return place == NULL ? MR_REFUSED : mri_seal_heads_hex(text, place, text.count / 2);
}

static mr_err take_path(struct mri_proof *proof, struct mri_slice text)
{
    size_t count = text.count / (2 * sizeof(proof->path[0]));
    if (count > MRI_SEAL_DEPTH_MAX) {
        return MR_REFUSED;
    }
    proof->path_count = (uint32_t)count;
    return mri_seal_heads_hex(text, proof->path[0].bytes, count * sizeof(proof->path[0]));
}

/** A field; a number is taken only for what is one, and a text likewise. */
static mr_err take_field(void *context, struct mri_slice key, const struct mri_json_value *value)
{
    struct mri_proof *proof = context;
    bool is_seq = value->type == MRI_JSON_INTEGER && value->integer > 0;
    if (mri_slice_is(key, "seq") || mri_slice_is(key, "head_seq")) {
        uint64_t *seq = mri_slice_is(key, "seq") ? &proof->seq : &proof->head.seq;
        *seq = is_seq ? (uint64_t)value->integer : 0;
        return is_seq ? MR_OK : MR_REFUSED;
    }
    if (value->type != MRI_JSON_TEXT) {
        return MR_REFUSED;
    }
    if (mri_slice_is(key, "path")) {
        return take_path(proof, value->text);
    }
    if (mri_slice_is(key, "head_link")) {
        return mri_seal_heads_hex(
            value->text, proof->head.link.bytes, sizeof(proof->head.link.bytes));
    }
    return mri_slice_is(key, "record")  ? take_hex(&proof->record, value->text)
           : mri_slice_is(key, "seal")  ? take_hex(&proof->seal, value->text)
           : mri_slice_is(key, "links") ? take_hex(&proof->links, value->text)
                                        : MR_REFUSED;
}

mr_err mri_proof_text_read(
    struct mri_slice text, struct mri_proof *proof, mr_problem *reterr_problem)
{
    struct mri_json_parser *parser;
    mr_problem problem = {""};
    mr_err err = mri_json_parser_open(proof->record.alloc, text.count + 1, &parser);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s", mr_err_text(err));
    }
    err = mri_json_parse_object(parser, text, take_field, proof, &problem);
    mri_json_parser_close(parser);
    return err == MR_OK
               ? MR_OK
               : mri_problem_behind(reterr_problem, err,
                     problem.text[0] != '\0' ? problem.text : "an unknown key or a malformed value",
                     "it is no proof: ");
}
