"""The standard functions of IEC 61131-3 as tables, one subject a file. The compiler calls hil.plc.functions."""
