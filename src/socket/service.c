/* SPDX-License-Identifier: MIT */
/*
 * What sessions share. All of it is allocated when a server begins.
 *
 * Invariants
 *  1. A request is read, done and answered before the next one of any session is read: what is here
 *     belongs to one request at a time.
 */
#include "socket/service.h"

#include "api/claim.h"
#include "base/check.h"

MRI_STATIC_ASSERT(
    (int)MRI_SERVICE_CLAIMS_MAX == (int)MRI_CLAIM_EACH_MAX, "the claims of one handle");

static mr_err make_arrays(struct mri_service *service)
{
    const struct {
        size_t count;
        size_t bytes;
        void **array;
    } arrays[] = {
        {MR_BUS_BATCH_MAX, sizeof(*service->emissions), (void **)&service->emissions},
        {MR_BUS_BATCH_MAX, sizeof(*service->emitted), (void **)&service->emitted},
        {MR_BUS_BATCH_MAX, sizeof(*service->moves), (void **)&service->moves},
        {MR_BUS_FACTS_MAX, sizeof(*service->facts), (void **)&service->facts},
        {MRI_SERVICE_PAGE_MAX, sizeof(*service->ordinals), (void **)&service->ordinals},
        {MRI_SERVICE_CLAIMS_MAX, sizeof(*service->claims), (void **)&service->claims},
        {MRI_LINE_INPUT_PIECE_BYTES, sizeof(*service->piece), (void **)&service->piece},
    };
    mr_err err = MR_OK;
    for (size_t i = 0; i < MRI_COUNT_OF(arrays) && err == MR_OK; i++) {
        void *block;
        err = mri_alloc_array(service->alloc, arrays[i].count, arrays[i].bytes, &block);
        *arrays[i].array = err == MR_OK ? block : NULL;
    }
    return err;
}

mr_err mri_service_init(struct mri_service *service, const struct mri_os *os,
    const struct mri_alloc *alloc, mr_bus *bus)
{
    *service = (struct mri_service){.os = os, .alloc = alloc, .bus = bus};
    mr_err err = mri_request_reader_init(&service->reader, alloc);
    if (err == MR_OK) {
        err = make_arrays(service);
    }
    if (err != MR_OK) {
        mri_service_fini(service);
    }
    return err;
}

void mri_service_fini(struct mri_service *service)
{
    const struct mri_alloc *alloc = service->alloc;
    if (alloc == NULL) {
        return;
    }
    mri_request_reader_fini(&service->reader);
    mri_alloc_free(alloc, service->emissions, MR_BUS_BATCH_MAX * sizeof(*service->emissions));
    mri_alloc_free(alloc, service->emitted, MR_BUS_BATCH_MAX * sizeof(*service->emitted));
    mri_alloc_free(alloc, service->moves, MR_BUS_BATCH_MAX * sizeof(*service->moves));
    mri_alloc_free(alloc, service->facts, MR_BUS_FACTS_MAX * sizeof(*service->facts));
    mri_alloc_free(alloc, service->ordinals, MRI_SERVICE_PAGE_MAX * sizeof(*service->ordinals));
    mri_alloc_free(alloc, service->claims, MRI_SERVICE_CLAIMS_MAX * sizeof(*service->claims));
    mri_alloc_free(alloc, service->piece, MRI_LINE_INPUT_PIECE_BYTES);
    *service = (struct mri_service){0};
}

void mri_service_write_counts(const struct mri_service_counts *counts, struct mri_json_writer *json)
{
#define WRITE_COUNT(name)                                                                          \
    mri_json_write_key(json, #name);                                                               \
    mri_json_write_unsigned(json, counts->name);
    MRI_SERVICE_COUNT_MAP(WRITE_COUNT)
#undef WRITE_COUNT
}
