// The door of decoder for the server: what to say to a decoder process and how it is started. The code that decodes is never imported, only
// started, so that the server stays free of native code.
export { decoderEntry, decoderExecArgv, decoderFiles } from './decoder-files.ts';
export {
  type AnswerHead,
  answerHeadBytes,
  type BmpPixels,
  type DecodeRequest,
  encodeDecodeRequest,
  maxMessageBytes,
  readAnswerHead,
  sealArgument,
} from './messages.ts';
