"""Control the running webcam filter by OSC, MIDI and sound."""
