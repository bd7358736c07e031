// The door of python: names, versions, specifiers and requirements as the Python packaging standards define them. Knows no file and no package.
export { normalizedName } from './normalized-name.ts';
export { parseRequirement, type Requirement } from './requirement.ts';
export { allows, exactVersion, namesPrerelease, parseSpecifiers, type SpecifierSet } from './specifier.ts';
export { comparePublic, compareVersions, isPrerelease, type PythonVersion, parseVersion, versionText } from './version.ts';
