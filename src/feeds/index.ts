// The door of feeds: what is asked of package indexes and lists of advisories, for commands only. Everything that they answer is hostile input.
export { type Document, type GetOptions, getDocument, getJson } from './http-get.ts';
export { askOsv, defaultOsvUrl, type OsvApiOptions } from './osv-api.ts';
export { type OsvExport, readOsvExport } from './osv-export.ts';
export { type IndexAttestation, readProvenance } from './pep740.ts';
export { isPypiJson, type PypiVulnerabilities, readPypiJson } from './pypi-json.ts';
export { PythonIndex, type PythonIndexOptions } from './python-index.ts';
export { isLoopbackHost, isSafeUrl } from './simple-file.ts';
export { distributionOf, normalName } from './simple-names.ts';
export type { IndexFile, IndexRelease } from './simple-types.ts';
