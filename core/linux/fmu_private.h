/* Shared by the files fmu*.c. */
#ifndef HIL_LINUX_FMU_PRIVATE_H
#define HIL_LINUX_FMU_PRIVATE_H

#include "fmi.h"
#include "hil/fmu_host.h"

/* Variables of one type out of a list: one call for all of them. */
struct fmu_group {
    uint32_t type, n;
    uint32_t *references;
    uint16_t *index; /* of each in the list's array of doubles */
    int whole;       /* doubles, all of the list, in its order: the array itself is passed */
};
struct fmu_values {
    struct fmu_group *groups;
    uint32_t n_groups;
    void *scratch; /* one group's values in their own type */
};

struct fmu_instance {
    struct fmu_instance *next;
    const void *owner;
    struct fmu *fmu;
    void *c; /* fmi2Component, fmi3Instance */
    struct fmi2_callbacks callbacks;
    int fd; /* to the process that has it */
    int pid;
    int failed, lost; /* lost: a fatal error, nothing of it may be called */
    _Atomic int *stop;
    void *blob; /* the last saved state */
    size_t blob_size;
    unsigned char *packet; /* the last message of or to its process */
    char text[HIL_FMU_TEXT];
};

/* Where instances live and which FMI they speak. Each function returns an enum hil_err and leaves a text. */
struct fmu_kind {
    int (*start)(struct fmu_instance *i, const double *p, double *y); /* i->c is NULL */
    int (*step)(struct fmu_instance *i, const double *u, const double *p, double t_s, double dt_s, double *y);
    int (*save)(struct fmu_instance *i);
    int (*load)(struct fmu_instance *i, const void *bytes, size_t n);
    void (*end)(struct fmu_instance *i);
};
extern const struct fmu_kind fmu_kind_2, fmu_kind_3, fmu_kind_process;

struct fmu {
    struct hil_fmu shown; /* first: what the core gets */
    const struct hil_fmu_description *d;
    const struct fmu_kind *kind;
    struct fmu_instance *instances;
    void *library;
    union {
        struct fmi2 fmi2;
        struct fmi3 fmi3;
    };
    struct fmu_values u, y, p;
};

/* Writes the text unless the FMU has left one of its own, and returns `err`. */
int fmu_say(struct fmu_instance *i, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The FMU's own message, kept when it tells of an error. */
void fmu_keep_message(struct fmu_instance *i, int status, const char *message);
/* HIL_OK for OK and WARNING; else says which call failed. */
int fmu_status(struct fmu_instance *i, int status, const char *call);
/* Room for a saved state of n bytes in i->blob. */
int fmu_make_blob(struct fmu_instance *i, size_t n);

/* Finds a function "<prefix><name>"; NULL and a text when it is not there. */
int fmu_find(struct fmu *f, void *to, const char *prefix, const char *name, char *text);
int fmu2_find_all(struct fmu *f, char *text);
int fmu3_find_all(struct fmu *f, char *text);

int fmu_values_make(struct fmu_values *v, const struct hil_fmu_variable *list, uint32_t n);
void fmu_values_free(struct fmu_values *v);
/* The group's part of `from` as its own type in v->scratch, or `from` itself. */
const void *fmu_pack(const struct fmu_values *v, const struct fmu_group *g, const double *from);
void fmu_unpack(const struct fmu_values *v, const struct fmu_group *g, double *to);

#endif
