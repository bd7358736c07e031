// The door of runtime: pinned TensorFlow versions, installing and verifying them. Never loads what it installs.
export { assertRehearsed, type RehearsalAnswer, type RehearsalQuestion, type ServedIdentity } from './check-rehearsal.ts';
export {
  type HistoryEntry,
  type RolloutCounts,
  type RolloutEnd,
  type RolloutHistory,
  type RolloutOutcome,
  readHistory,
  recordAsked,
  recordEnded,
} from './history.ts';
export { type InstallOptions, installRuntime } from './install-runtime.ts';
export { type FoundIndex, findIndex, type IndexRequest, listReleases } from './official-index.ts';
export {
  archOfMachine,
  builtInPins,
  defaultVersion,
  findPin,
  findWheelPin,
  type PinTable,
  pinnedVersions,
} from './pin.ts';
export type { Builder, BuiltPin, PinnedFile, RuntimeArch, RuntimePin, SlotFile, SlotPin } from './pin-types.ts';
export { loadPins } from './pins-file.ts';
export { findPip } from './pip.ts';
export { makePrivateFolder, readPrivateFile, writePrivateFile } from './private-file.ts';
export type { OnRuntimeProgress, RuntimeProgress, RuntimeStep } from './progress.ts';
export {
  parseRehearsal,
  type RehearsalRecord,
  type Rehearsals,
  type RehearsalVerdict,
  type RehearsedModel,
  readRehearsals,
  rehearsalsOf,
  writeRehearsal,
} from './rehearsal-record.ts';
export {
  changeSelection,
  chosenVersion,
  newSelectionId,
  readSelection,
  rolloutOf,
  type Selection,
  type SelectionKind,
  selectedVersion,
} from './selection.ts';
export { readServingNote, type ServingNote, writeServingNote } from './serving-note.ts';
export { findSlot, listSlots, type RuntimeSlot, slotDigest } from './slot.ts';
export { type VerifyOptions, verifySlot } from './verify-slot.ts';
