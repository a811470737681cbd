import type { NavEntry, WebModule } from './module'

const found = import.meta.glob<{ default: WebModule }>('./modules/*/index.ts', { eager: true })

/** Every module of the site, collected from `modules/<name>/index.ts`. */
export const modules: WebModule[] = Object.values(found)
  .map((m) => m.default)
  .sort((a, b) => a.name.localeCompare(b.name))

export const navEntries: NavEntry[] = modules.flatMap((m) => m.nav).sort((a, b) => a.order - b.order)
