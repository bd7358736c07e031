// What a contract says of images and sounds where nobody says otherwise. The schema fills it in, and whatever derives a contract begins with it.
import type { AudioRules, ImageFormat, ImageRules } from './contract-types.ts';

/** Those that TensorFlow's SECURITY.md lists as safe for input that nobody trusts; JPEG and WebP are not among them. */
export const safeImageFormats: readonly ImageFormat[] = ['png', 'gif', 'bmp'];

/** All that must be said of an image besides its formats. */
export const defaultImageRules: Omit<ImageRules, 'formats' | 'reencode'> = {
  maxDecodedBytes: 64 * 1024 * 1024,
  maxRatio: 200,
  inflatedSize: 'check',
  trailingData: 'reject',
  maxMetadataBytes: 65_536,
  maxScans: 20,
  checksums: 'check',
};

export const defaultAudioRules: AudioRules = { maxMetadataBytes: 65_536 };
