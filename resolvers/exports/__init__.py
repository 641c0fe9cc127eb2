"""Exports: what was found in images, in the forms that other programs read.

Coordinates are pixels: x to the right, y down, from the corner of the top left pixel; the centre of
the pixel in row r and column c is at (c + 0.5, r + 0.5). A pixel belongs to a cell if its centre is
inside the cell's outline, holes excluded. ``raster`` alone decides that, for all forms.
"""
