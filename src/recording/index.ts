// The door of recording: samples of accepted requests, redacted, encrypted to recipients and bounded. The server writes them and cannot read them.
export { type ReadRecordingsOptions, type ReadRequest, readRecordings } from './read-recordings.ts';
export {
  type OfferedRequest,
  type OfferedVersion,
  Recorder,
  type RecorderCounts,
  type RecorderOptions,
  type RecorderReport,
} from './recorder.ts';
export {
  isActive,
  newRecordingId,
  parseOrder,
  type RecordingOrder,
  readOrders,
  recordingsOf,
  removeOrder,
  writeOrder,
} from './recording-control.ts';
export { Redaction, type RedactionContract } from './redaction.ts';
export {
  assertRecipients,
  makeRecordingKey,
  openSegment,
  parseIdentities,
  type RecordingKey,
  sealSegment,
} from './segment-crypto.ts';
export {
  decodeSegment,
  encodeRecord,
  encodeSegmentHead,
  maxRequestBytes,
  maxSegmentBytes,
  type RecordedRequest,
  type SegmentMeta,
} from './segment-format.ts';
export {
  listSegments,
  pruneSegments,
  removeSegments,
  type SegmentBounds,
  type SegmentFile,
  writeSegment,
} from './segment-store.ts';
export { filledTensor, standInTensors } from './stand-in.ts';
