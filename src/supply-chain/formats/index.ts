// The door of formats: from the text of a file to facts. Every reader takes any text, says what it could not read, and takes time in proportion to it.
export { type Format, formatOf, formats } from './format-table.ts';
export { readRequirementsFile } from './requirements-file.ts';
