/* An opened FMU and its instances, one for each state buffer. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fmu_private.h"
#include "hil/linux.h"

/* ---- instances ---- */

/* The usual bench has one buffer: the first comparison finds it. */
static struct fmu_instance *find(const struct fmu *f, const void *owner)
{
    struct fmu_instance *i = f->instances;
    while (i && i->owner != owner)
        i = i->next;
    return i;
}

static void end(struct fmu_instance *i)
{
    if (!i->lost)
        i->fmu->kind->end(i);
    i->c = NULL;
    i->lost = i->failed = 0;
    i->text[0] = 0;
}

static struct fmu_instance *find_or_make(struct fmu *f, const void *owner)
{
    struct fmu_instance *i = find(f, owner);
    if (i) {
        end(i);
        return i;
    }
    i = calloc(1, sizeof *i);
    if (!i)
        return NULL;
    i->owner = owner;
    i->fmu = f;
    i->fd = -1;
    i->next = f->instances;
    f->instances = i;
    return i;
}

static int fail(struct fmu_instance *i, int err)
{
    i->failed = err;
    if (i->stop)
        *i->stop = 1;
    return err;
}

int fmu_make_blob(struct fmu_instance *i, size_t n)
{
    void *blob = realloc(i->blob, n ? n : 1);
    if (!blob)
        return fmu_say(i, HIL_E_OS, "no memory for its state of %zu bytes", n);
    i->blob = blob;
    i->blob_size = n;
    return HIL_OK;
}

/* ---- what the core calls ---- */

static int reset(void *self, const void *owner, const double *p, double *y)
{
    struct fmu_instance *i = find_or_make(self, owner);
    int err = i ? i->fmu->kind->start(i, p, y) : HIL_E_OS;
    return err && i ? fail(i, err) : err;
}

static int step(void *self, const void *owner, const double *u, const double *p, double t_s, double dt_s, double *y)
{
    struct fmu_instance *i = find(self, owner);
    if (!i)
        return HIL_E_OPAQUE; /* bytes of a state that were copied to where no instance belongs */
    if (i->failed)
        return i->failed;
    int err = i->fmu->kind->step(i, u, p, t_s, dt_s, y);
    return err ? fail(i, err) : err;
}

static int save(void *self, const void *owner, const void **bytes, size_t *n)
{
    struct fmu_instance *i = find(self, owner);
    if (!i || i->failed || !(i->fmu->shown.abilities & HIL_FMU_SAVES))
        return HIL_E_OPAQUE;
    int err = i->fmu->kind->save(i);
    *bytes = i->blob;
    *n = i->blob_size;
    return err;
}

static int load(void *self, const void *owner, const void *bytes, size_t n)
{
    struct fmu_instance *i = find(self, owner);
    if (!i || i->failed || !(i->fmu->shown.abilities & HIL_FMU_SAVES))
        return HIL_E_OPAQUE;
    int err = i->fmu->kind->load(i, bytes, n);
    return err ? fail(i, err) : err;
}

static void release(void *self, const void *owner)
{
    struct fmu *f = self;
    for (struct fmu_instance **at = &f->instances; *at; at = &(*at)->next) {
        struct fmu_instance *i = *at;
        if (i->owner != owner)
            continue;
        *at = i->next;
        end(i);
        free(i->blob);
        free(i);
        return;
    }
}

static void watch(void *self, const void *owner, _Atomic int *stop)
{
    struct fmu_instance *i = find(self, owner);
    if (i)
        i->stop = stop;
}

static const char *failure(void *self, const void *owner)
{
    const struct fmu_instance *i = find(self, owner);
    if (!i || !i->failed)
        return "";
    return i->text[0] ? i->text : "it fails without a message";
}

/* ---- opening ---- */

int fmu_find(struct fmu *f, void *to, const char *prefix, const char *name, char *text)
{
    char symbol[64];
    snprintf(symbol, sizeof symbol, "%s%s", prefix, name);
    void *found = dlsym(f->library, symbol);
    memcpy(to, &found, sizeof found); /* of an object pointer C knows no cast to a function pointer */
    if (!found)
        snprintf(text, HIL_FMU_TEXT, "its library has no function %s", symbol);
    return found ? HIL_OK : HIL_E_UNSUPPORTED;
}

/* RTLD_LOCAL, as all FMUs export the same names; RTLD_NOW, as nothing is to be looked up in a tick. */
static int open_library(struct fmu *f, char *text)
{
    if (f->d->host)
        return HIL_OK;
    f->library = dlopen(f->d->library, RTLD_NOW | RTLD_LOCAL);
    if (!f->library) {
        snprintf(text, HIL_FMU_TEXT, "its library does not load: %s", dlerror());
        return HIL_E_OS;
    }
    return f->d->version == 2 ? fmu2_find_all(f, text) : fmu3_find_all(f, text);
}

static void show(struct fmu *f)
{
    const struct hil_fmu_description *d = f->d;
    f->kind = d->host ? &fmu_kind_process : d->version == 2 ? &fmu_kind_2 : &fmu_kind_3;
    f->shown = (struct hil_fmu){
        .model = {.abi = HIL_MODEL_ABI,
                  .n_u = d->n_u,
                  .n_y = d->n_y,
                  .n_p = d->n_p,
                  .hash = d->hash,
                  .name = d->name,
                  .p = d->p_names},
        .abi = HIL_FMU_ABI,
        .abilities = d->abilities,
        .self = f,
        .reset = reset,
        .step = step,
        .save = save,
        .load = load,
        .release = release,
        .watch = watch,
        .failure = failure,
    };
}

int hil_fmu_open(const struct hil_fmu_description *description, struct hil_fmu **out, char *text)
{
    struct fmu *f = calloc(1, sizeof *f);
    text[0] = 0;
    if (!f)
        return HIL_E_OS;
    f->d = description;
    show(f);
    int err = open_library(f, text);
    if (!err && (fmu_values_make(&f->u, description->u, description->n_u) ||
                 fmu_values_make(&f->y, description->y, description->n_y) ||
                 fmu_values_make(&f->p, description->p, description->n_p)))
        err = HIL_E_OS;
    if (err)
        hil_fmu_close(&f->shown);
    else
        *out = &f->shown;
    return err;
}

void hil_fmu_close(struct hil_fmu *fmu)
{
    struct fmu *f = (struct fmu *)(void *)fmu;
    while (f->instances)
        release(f, f->instances->owner);
    fmu_values_free(&f->u);
    fmu_values_free(&f->y);
    fmu_values_free(&f->p);
    free(f);
}

int hil_fmu_measure(struct hil_fmu *fmu, const void *owner, const double *u, double dt_s, uint32_t n, int64_t most_ns,
                    int64_t *step_ns, uint32_t *made)
{
    double y[HIL_MODEL_MAX_Y];
    int64_t first = hil_clock_ns(), from = first;
    int err = HIL_OK;
    for (*made = 0; *made < n && !err && from - first < most_ns; (*made)++) {
        err = fmu->step(fmu->self, owner, u, NULL, *made * dt_s, dt_s, y);
        int64_t now = hil_clock_ns();
        step_ns[*made] = now - from;
        from = now;
    }
    return err;
}
