import { createRouter, createWebHistory, type RouteLocationNormalized } from 'vue-router'
import { watch } from 'vue'
import { t } from './i18n'
import { modules, navEntries } from './modules'
import { useSession } from './stores/session'
import { useTimeWindow } from './stores/timeWindow'

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', name: 'home', component: () => import('./shell/HomeRedirect.vue'), meta: { frame: 'bare' } },
    {
      path: '/sign-in',
      name: 'sign-in',
      component: () => import('./shell/SignIn.vue'),
      meta: { open: true, frame: 'bare', title: 'shell.sign_in.title' },
    },
    {
      path: '/account',
      name: 'account',
      component: () => import('./shell/AccountPage.vue'),
      meta: { title: 'shell.account.title' },
    },
    ...modules.flatMap((m) => m.routes),
    {
      path: '/:rest(.*)*',
      name: 'not-found',
      component: () => import('./shell/NotFound.vue'),
      meta: { title: 'shell.not_found.title' },
    },
  ],
})

/** The first page of the navigation that this caller may open. */
export function homeRoute(): string | null {
  const session = useSession()
  return navEntries.find((entry) => session.may(entry.permission) && !entry.demo)?.route ?? null
}

/** Fetch the page's code while the question who is there is under way; the router will ask for it anyway. */
function fetchAhead(to: RouteLocationNormalized): void {
  for (const record of to.matched) {
    const page = record.components?.default
    if (typeof page === 'function') void (page as () => Promise<unknown>)().catch(() => undefined)
  }
}

router.beforeEach(async (to: RouteLocationNormalized) => {
  const session = useSession()
  if (!session.asked) {
    if (!to.meta.open) fetchAhead(to)
    try {
      await session.restore()
    } catch {
      // The server does not answer; the sign-in page says so and tries again.
    }
  }
  if (!to.meta.open && !session.signedIn) {
    return { name: 'sign-in', query: to.fullPath === '/' ? {} : { next: to.fullPath } }
  }
  if (to.name === 'sign-in' && session.signedIn) return { path: '/' }
  if (session.me?.must_change_password && to.name !== 'account') return { name: 'account' }
  return true
})

/** One window for the whole page, in the URL: taken from it, and carried along from page to page. */
export function bindTimeWindow(): void {
  const window = useTimeWindow()
  router.beforeEach((to, from) => {
    const has = to.query.from !== undefined || to.query.to !== undefined
    if (!has && window.fixed && from.name && !to.meta.open && to.name !== from.name)
      return { ...to, query: { ...to.query, ...window.query }, replace: true }
    return true
  })
  router.afterEach((to) => window.read(to.query))
  watch(
    () => window.query,
    (query) => {
      const here = router.currentRoute.value
      const { from: f, to: u, ...rest } = here.query
      if (f === query.from && u === query.to) return
      void router.replace({ query: { ...rest, ...query }, hash: here.hash })
    },
  )
}

router.afterEach((to) => {
  const zone = useSession().meta?.zone.name
  document.title = [to.meta.title ? t(to.meta.title) : null, zone ?? 'ParkSight 园视'].filter(Boolean).join(' · ')
})
