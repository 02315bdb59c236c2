#include "faces.h"

#include <string.h>

#include "rtu_face.h"
#include "tclab_face.h"

static const struct fw_face *const faces[] = {&fw_rtu_face, &fw_tclab_face};

const struct fw_face *fw_face_find(const char *name)
{
    for (unsigned i = 0; i < sizeof faces / sizeof *faces; i++)
        if (strcmp(faces[i]->name, name) == 0)
            return faces[i];
    return NULL;
}
