// The door of posture: how the TensorFlow that serves stands against published vulnerabilities, deadlines and the end of support. Facts in, numbers out: no
// network, no process and no clock of its own.
export { checkMarkdown } from './check-markdown.ts';
export {
  type CheckFinding,
  type CheckReport,
  type CheckRuleId,
  type CheckVerdict,
  checkRules,
  type FailPoint,
  failPoints,
  makeCheckReport,
  type NpmState,
} from './check-report.ts';
export { checkSarif } from './check-sarif.ts';
export { type CheckTextOptions, checkText } from './check-text.ts';
export { ageText, supportText } from './check-words.ts';
export { collectFacts, type PostureSubject, type ReleaseTable } from './collect-facts.ts';
export { dayOf, dueDay } from './days.ts';
export { knownSince } from './known-since.ts';
export { makePosture, type PostureFacts } from './make-posture.ts';
export { type NodeState, nodeState } from './node-state.ts';
export { type NpmAdvisory, npmAdvisories } from './npm-advisories.ts';
export { maxLockBytes, type NpmPackage, type NpmRoot, npmLock, npmPackages } from './npm-lock.ts';
export { type LibraryFix, openLibraries } from './open-libraries.ts';
export { overdueText } from './overdue-text.ts';
export {
  type DataAge,
  type OpenAdvisory,
  type OpenLibrary,
  type Posture,
  type PostureModel,
  type Reach,
  reaches,
  type SeverityCounts,
  type SlotPosture,
  type SupportState,
  type Updates,
} from './posture-types.ts';
export {
  type IndexRelease,
  isFinal,
  type NodeLine,
  nodeReleases,
  type Release,
  releases,
  releasesRead,
  withIndex,
} from './releases.ts';
export { keptModels, keptUses, type LastReport, type ModelFolder, modelFolders } from './served-models.ts';
export { servingSlots } from './serving-slots.ts';
export { type PostureSlot, patchDeadline, sumOf } from './slot-posture.ts';
export { decideUpdate, type UpdateDecision } from './update-decision.ts';
