// The door of posture: how the TensorFlow that serves stands against published vulnerabilities, deadlines and the end of support. Facts in, numbers out: no
// network, no process and no clock of its own.
export { dayOf } from './days.ts';
export { makePosture, type PostureFacts } from './make-posture.ts';
export { type LibraryFix, openLibraries } from './open-libraries.ts';
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
export { type PostureSlot, sumOf } from './slot-posture.ts';
