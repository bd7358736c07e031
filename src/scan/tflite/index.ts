// The door of tflite: what a TFLite model can do, read from its flatbuffer. It loads no interpreter.
export type { TfliteWeights } from './judge-contents.ts';
export { tfliteRules } from './rules.ts';
export { scanTflite, type TfliteOptions } from './scan-tflite.ts';
