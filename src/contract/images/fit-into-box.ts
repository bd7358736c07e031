// The size that an image gets when it must become smaller: its own proportions, as far as whole pixels allow. Pure arithmetic; no result
// is ever larger than what it was made from, or than any of the limits.

/** The size of a decoded image that must not be passed. */
export interface ImageBox {
  readonly maxWidth: number;
  readonly maxHeight: number;
}

export interface BoxLimits extends ImageBox {
  readonly maxPixels?: number | undefined;
}

/** The largest size of the image's proportions that fits all limits; at least 1 × 1. Limits are at least 1. */
export function fitIntoBox(size: { readonly width: number; readonly height: number }, limits: BoxLimits): ImageBox {
  const { width, height } = size;
  const { maxWidth, maxHeight, maxPixels = Number.POSITIVE_INFINITY } = limits;
  const scale = Math.min(1, maxWidth / width, maxHeight / height, Math.sqrt(maxPixels / (width * height)));
  const side = (length: number, limit: number): number =>
    // 1000 × (50 / 1000) is a little less than 50 for some numbers.
    Math.min(limit, length, Math.max(1, Math.floor(length * scale + 1e-6)));
  const fitted = { maxWidth: side(width, maxWidth), maxHeight: side(height, maxHeight) };
  if (fitted.maxWidth * fitted.maxHeight <= maxPixels) return fitted;
  // One side cannot shrink below a pixel, or was rounded up.
  return fitted.maxWidth >= fitted.maxHeight
    ? { ...fitted, maxWidth: Math.max(1, Math.floor(maxPixels / fitted.maxHeight)) }
    : { ...fitted, maxHeight: Math.max(1, Math.floor(maxPixels / fitted.maxWidth)) };
}
