// The door of advisories: published vulnerabilities of TensorFlow and Keras, and which versions have them. Data and arithmetic only: it knows no model
// and reaches no network.
export { type AdvisoryAge, advisoryAge, defaultMaxAdvisoryAgeMs } from './advisory-age.ts';
export { advisoryData, advisoryDocument, advisoryInfo } from './advisory-data.ts';
export { writeUpdate } from './advisory-file.ts';
export {
  type Advisory,
  type AdvisoryData,
  type AdvisoryDocument,
  type AdvisoryInfo,
  type BundledLibrary,
  type PackageName,
  type PublishedRecord,
  packages,
} from './advisory-types.ts';
export { idsOf } from './derive-advisories.ts';
export { addRecords, mergeDocuments } from './merge-documents.ts';
export { isTakenBack, type OpenAdvisories, openAdvisories, rangesOf } from './open-advisories.ts';
export { type Anomaly, anomalyTexts, type RangeDifference, rangeDifference } from './range-anomalies.ts';
export { checkedDocument, idPattern, maxDocumentBytes, maxTitleChars, readDocument } from './read-document.ts';
export { compareVersions, isAffected, type RangeEvent, rangesOfEvents, type VersionRange } from './version-range.ts';
