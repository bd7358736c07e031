// The door of packages: what a name is.
export { lookAlikeOf } from './look-alike.ts';
export { type PackageFact, type PackageStanding, packageTable } from './package-table.ts';
