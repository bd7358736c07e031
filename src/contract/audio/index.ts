// The door of audio within contract: headers of WAV files, read without decoding them.
export { type AudioCoding, readWavHeader, type WavHeader, type WavReading } from './wav-header.ts';
