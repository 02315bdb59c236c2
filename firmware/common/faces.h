/* The field faces by name, for tables that are made at run time; compiled tables name theirs directly. */
#ifndef FW_FACES_H
#define FW_FACES_H

#include "app.h"

/* "tclab", "modbus"; NULL: there is none of this name. */
const struct fw_face *fw_face_find(const char *name);

#endif
