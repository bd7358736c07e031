// The door of shell: what commands install, and how a requirement is read wherever it stands.
export { condaUse } from './conda-spec.ts';
export { indexKeys, indexOptions } from './index-settings.ts';
export { type InstallContext, readShell, readVariable, readWords } from './read-installs.ts';
export { directSource, requirementUse } from './requirement-use.ts';
