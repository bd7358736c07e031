// The door of advisories: published vulnerabilities of TensorFlow and Keras, and which versions have them. Data and arithmetic only: it knows no model
// and reaches no network.
export { type Advisory, type AdvisoryData, type AdvisoryInfo, advisoryData, advisoryInfo } from './advisory-data.ts';
export { compareVersions, isAffected, type VersionRange } from './version-range.ts';
