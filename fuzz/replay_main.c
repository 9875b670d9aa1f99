/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target over every file of the folders that are named, without libFuzzer: so every
 * build checks that what was once found stays fixed.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/** Run the target over one file; 0 when it could be read. */
static int replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return 1;
    }
    size_t capacity = 1 << 16;
    size_t count = 0;
    uint8_t *bytes = malloc(capacity);
    while (bytes != NULL) {
        count += fread(bytes + count, 1, capacity - count, file);
        if (count < capacity) {
            break;
        }
        capacity *= 2;
        uint8_t *larger = realloc(bytes, capacity);
        if (larger == NULL) {
            free(bytes);
        }
        bytes = larger;
    }
    int is_bad = bytes == NULL || ferror(file) != 0;
    (void)fclose(file); /* it was only read */
    if (is_bad == 0) {
        uint8_t *exact = malloc(count + 1); /* so that reading past the end is seen */
        is_bad = exact == NULL;
        if (exact != NULL) {
            memcpy(exact, bytes, count);
            (void)LLVMFuzzerTestOneInput(exact, count);
            free(exact);
        }
    }
    free(bytes);
    return is_bad;
}

/** Replay a folder; how many files it had, negative when one could not be read. */
static int replay_folder(const char *folder)
{
    DIR *entries = opendir(folder);
    int count = 0;
    if (entries == NULL) {
        return -1;
    }
    for (const struct dirent *entry = readdir(entries); entry != NULL && count >= 0;
         entry = readdir(entries)) {
        char path[4096];
        if (entry->d_name[0] != '.') {
            (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
            count = replay(path) == 0 ? count + 1 : -1;
        }
    }
    (void)closedir(entries); /* read only */
    return count;
}

int main(int argument_count, char **arguments)
{
    for (int i = 1; i < argument_count; i++) {
        int count = replay_folder(arguments[i]);
        if (count <= 0) {
            (void)fprintf(stderr, "%s: no corpus\n", arguments[i]);
            return 1;
        }
        (void)printf("%s: %d inputs\n", arguments[i], count);
    }
    return argument_count > 1 ? 0 : 1;
}
