// The door of files: a project's files, read within bounds.
export { defaultLimits, type Project, type ProjectLimits, readProject } from './read-project.ts';
