// The door of runtime: pinned TensorFlow versions, installing and verifying them. Never loads what it installs.

export { type AddedPin, addPin } from './add-pin.ts';
export {
  type Asker,
  askPromotion,
  askRollback,
  lastPromotion,
  type PromotionRequest,
  readStoreState,
  type StoreState,
} from './ask-rollout.ts';
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
export { type ImportOptions, importRuntime } from './import-runtime.ts';
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
  slotFileNames,
} from './pin.ts';
export type { Builder, BuiltPin, PinnedFile, RuntimeArch, RuntimePin, SlotFile, SlotPin } from './pin-types.ts';
export { loadPins } from './pins-file.ts';
export { findPip } from './pip.ts';
export { makePrivateFolder, readPrivateFile, writePrivateFile } from './private-file.ts';
export type { OnRuntimeProgress, RuntimeProgress, RuntimeStep } from './progress.ts';
export { type PinProposal, type PinRequest, proposePin } from './propose-pin.ts';
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
export { removeSlot } from './remove-slot.ts';
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
export { assertOwnStore, foreignOwner } from './store-owner.ts';
export { withUpdateLock } from './update-lock.ts';
export { type VerifyOptions, verifySlot } from './verify-slot.ts';
export type { AttestationState } from './wheel-attestation.ts';
