import type { RouteRecordRaw } from 'vue-router'

/** An entry of the navigation. Shown only to callers who hold `permission`. */
export interface NavEntry {
  /** Stable key, also the name of the route it opens. */
  route: string
  /** Translation key of its label. */
  label: string
  /** Permission the page's first request needs, e.g. `telemetry.point.read`; without one everybody sees it. */
  permission?: string
  /** Lower comes first: 0–99 for the wall, 100–199 operations, 900+ administration. */
  order: number
  /** Where it stands: the bar itself, the “more” menu, or the administration group of that menu. */
  group: 'main' | 'more' | 'admin'
  /** Shown in a demo zone alone. */
  demo?: boolean
}

/** What `web/src/modules/<python module>/index.ts` exports as default. */
export interface WebModule {
  name: string
  routes: RouteRecordRaw[]
  nav: NavEntry[]
  /** Flat messages by language, keys start with the module's name. */
  locales: { 'zh-CN': Record<string, string>; en: Record<string, string> }
}

declare module 'vue-router' {
  interface RouteMeta {
    /** Needed permission; a caller without it sees a page that says which one is missing. */
    permission?: string
    /** `wall` keeps the dark full-bleed frame, `operator` the page frame (default), `bare` none (sign-in). */
    frame?: 'wall' | 'operator' | 'bare'
    /** Without the operator frame's padding: pages that fill the window. */
    flush?: boolean
    /** Translation key of the page title. */
    title?: string
    /** Reachable without a session. */
    open?: boolean
  }
}
