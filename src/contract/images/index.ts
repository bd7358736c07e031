// The door of images within contract: headers of encoded images, read without decoding them, and the rules on them.
export { type BmpLayout, readBmpLayout } from './bmp-header.ts';
export { checkImageBytes, type ImageJudge, type ImageRuleName, type ImageTask, type ImageVerdict } from './image-checks.ts';
export type { ImageHeader, ImageProblem, ImageReading } from './image-header.ts';
export { pngPixelProblem } from './png-pixels.ts';
export { readImageHeader, sniffImageFormat } from './read-image-header.ts';
