// The door of posture: how the TensorFlow that serves stands against published vulnerabilities, deadlines and the end of support.
export { isFinal, type NodeLine, nodeReleases, type Release, releases, releasesRead, withIndex } from './releases.ts';
