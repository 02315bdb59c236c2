# What block types there are, for hil blocks and the check of rigs.

cdef object _choices(const char *text):
    return _text(text).split("|") if text != NULL else None


cdef dict _block_type(const hil_block_type *t):
    return {
        "name": _text(t.name), "doc": _text(t.doc), "variadic": bool(t.variadic),
        "variadic_out": bool(t.variadic_out), "feedthrough": bool(t.feedthrough),
        "inputs": [{"name": _text(t.inputs[i].name), "doc": _text(t.inputs[i].doc), "preset": t.inputs[i].preset}
                   for i in range(t.n_inputs)],
        "outputs": [{"name": _text(t.outputs[i].name), "doc": _text(t.outputs[i].doc)} for i in range(t.n_outputs)],
        "params": [{"name": _text(t.params[i].name), "doc": _text(t.params[i].doc), "preset": t.params[i].preset,
                    "min": t.params[i].min, "max": t.params[i].max} for i in range(t.n_params)],
        "config": [{"name": _text(t.config[i].name), "doc": _text(t.config[i].doc),
                    "choices": _choices(t.config[i].choices), "min_n": t.config[i].min_n, "max_n": t.config[i].max_n,
                    "preset": t.config[i].preset} for i in range(t.n_config)],
        "states": [_text(t.states[i]) for i in range(t.n_states)],
    }


def block_types() -> list:
    """All block types of the core as dictionaries, from the C descriptors."""
    found = []
    cdef int i = 0
    while hil_block_types[i] != NULL:
        found.append(_block_type(hil_block_types[i]))
        i += 1
    return found
