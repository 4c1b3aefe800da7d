"""Result files: opening, selecting, exporting."""
