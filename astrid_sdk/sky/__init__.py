"""FITS files and the sky: what strangers' headers say, frames, cutouts, pictures."""
