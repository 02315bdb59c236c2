"""Makes small FMUs out of tests/fmi/sources, with the standard's headers out of FMPy's package, for tests that need one
whose inside is known: a state that can be serialised, misbehaviour on request."""

from __future__ import annotations

import re
import subprocess
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

SOURCES = Path(__file__).resolve().parent / "sources"
DO_NOT = {"crash": 1, "hang": 2, "refuse": 3, "leave": 4}  # values of the input `mischief`

FMI2 = """<?xml version="1.0" encoding="UTF-8"?>
<fmiModelDescription fmiVersion="2.0" modelName="Lag" guid="{{hil-lag}}" numberOfEventIndicators="0">
  <CoSimulation modelIdentifier="lag" canHandleVariableCommunicationStepSize="true"{state}/>
  <DefaultExperiment startTime="0" stopTime="1" stepSize="0.01"/>
  <ModelVariables>
    <ScalarVariable name="u" valueReference="0" causality="input" variability="continuous">
      <Real start="0"/></ScalarVariable>
    <ScalarVariable name="mischief" valueReference="1" causality="input" variability="discrete">
      <Integer start="{mischief}"/></ScalarVariable>
    <ScalarVariable name="x" valueReference="2" causality="output" variability="continuous" initial="calculated">
      <Real/></ScalarVariable>
    <ScalarVariable name="high" valueReference="3" causality="output" variability="discrete" initial="calculated">
      <Boolean/></ScalarVariable>
    <ScalarVariable name="count[steps]" valueReference="4" causality="local" variability="discrete">
      <Integer/></ScalarVariable>
    <ScalarVariable name="gain" valueReference="5" causality="parameter" variability="tunable" initial="exact">
      <Real start="2" min="0" max="100"/></ScalarVariable>
    <ScalarVariable name="x_start" valueReference="6" causality="parameter" variability="fixed" initial="exact">
      <Real start="0.25" min="-10" max="10"/></ScalarVariable>
  </ModelVariables>
  <ModelStructure><Outputs><Unknown index="3"/><Unknown index="4"/></Outputs>
    <InitialUnknowns><Unknown index="3"/><Unknown index="4"/></InitialUnknowns></ModelStructure>
  <!-- {comment} -->
</fmiModelDescription>
"""

FMI3 = """<?xml version="1.0" encoding="UTF-8"?>
<fmiModelDescription fmiVersion="3.0" modelName="Lag" instantiationToken="{{hil-lag}}">
  <CoSimulation modelIdentifier="lag" canHandleVariableCommunicationStepSize="true"{state}/>
  <DefaultExperiment startTime="0" stopTime="1" stepSize="0.01"/>
  <ModelVariables>
    <Float64 name="time" valueReference="100" causality="independent" variability="continuous"/>
    <Float64 name="u" valueReference="0" causality="input" variability="continuous" start="0"/>
    <Int8 name="mischief" valueReference="1" causality="input" variability="discrete" start="{mischief}"/>
    <Float64 name="x" valueReference="2" causality="output" variability="continuous" initial="calculated"/>
    <Boolean name="high" valueReference="3" causality="output" variability="discrete" initial="calculated"/>
    <Int64 name="count[steps]" valueReference="4" causality="local" variability="discrete" initial="calculated"/>
    <Float64 name="gain" valueReference="5" causality="parameter" variability="tunable" start="2" min="0" max="100"/>
    <Float64 name="x_start" valueReference="6" causality="parameter" variability="fixed" start="0.25" min="-10"
      max="10"/>
    <Float32 name="small" valueReference="7" causality="output" variability="discrete" initial="calculated"/>
  </ModelVariables>
  <ModelStructure><Output valueReference="2"/><Output valueReference="3"/><Output valueReference="7"/>
    <InitialUnknown valueReference="2"/><InitialUnknown valueReference="3"/><InitialUnknown valueReference="7"/>
  </ModelStructure>
  <!-- {comment} -->
</fmiModelDescription>
"""
PLACES = {2: "linux64", 3: "x86_64-linux"}


def headers() -> Path:
    import fmpy

    return Path(fmpy.__file__).parent / "c-code"


def unused(version: int, source: Path) -> str:
    """C of all functions of the standard that a source does not have: they report an error."""
    header = (headers() / f"fmi{version}Functions.h").read_text()
    names = set(re.findall(r"\bfmi\w+TYPE\s+(fmi\w+);", header))
    missing = sorted(names - set(re.findall(r"\bfmi\w+(?=\()", source.read_text())))
    return "".join(f"int {name}(void) {{ return 3; }}\n" for name in missing)


def make_fmu(
    folder: Path, version: int, *, state: bool = True, forgets: bool = False, mischief: int = 0, comment: str = ""
) -> Path:
    """`lag<version>.fmu` in `folder`.

    Args:
        folder: where.
        version: of FMI, 2 or 3.
        state: its state can be saved.
        forgets: a part of it is not saved with it.
        mischief: start value of the input of this name.
        comment: makes FMUs of one kind differ.
    """
    library, source = folder / f"lag{version}.so", SOURCES / f"lag{version}.c"
    rest = folder / "rest.c"
    rest.write_text(unused(version, source))
    command = ["gcc", "-std=c11", "-O2", "-D_GNU_SOURCE", "-w", "-shared", "-fPIC", "-ffp-contract=off"]
    command += [f"-I{headers()}", f"-DMISCHIEF={mischief}"]
    command += [] if state and not forgets else ["-DFORGETS" if state else "-DNO_STATE"]
    subprocess.run([*command, "-o", str(library), str(source), str(rest), "-lm"], check=True)
    name = "FMUstate" if version == 2 else "FMUState"
    offers = f' canGetAndSet{name}="true" canSerialize{name}="true"' if state else ""
    xml = (FMI2 if version == 2 else FMI3).format(state=offers, mischief=mischief, comment=escape(comment))
    fmu = folder / f"lag{version}.fmu"
    with zipfile.ZipFile(fmu, "w") as archive:
        members = {"modelDescription.xml": xml.encode(), f"binaries/{PLACES[version]}/lag.so": library.read_bytes()}
        for member, data in {**members, "resources/readme.txt": b"nothing"}.items():
            archive.writestr(zipfile.ZipInfo(member), data)  # of no date: the same content is unpacked once
    return fmu
