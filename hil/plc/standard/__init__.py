"""The standard functions of IEC 61131-3 as a table, one subject a file; hil.plc.functions is what the compiler calls."""
