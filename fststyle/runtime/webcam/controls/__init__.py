"""Control of the filter while it runs: OSC, MIDI and sound."""
