import type { RouteLocationRaw } from 'vue-router'
import type { Drill } from '@/api/overview'
import { router } from '@/router'
import { useSession } from '@/stores/session'
import { useTimeWindow } from '@/stores/timeWindow'

/** The page that shows the records behind a number; null where this site or this caller has none. */
export function drillTo(drill: Drill | null | undefined): RouteLocationRaw | null {
  if (!drill) return null
  const record = router.getRoutes().find((r) => r.name === drill.page)
  if (!record || !useSession().may(record.meta.permission)) return null
  return { name: drill.page, query: { ...drill.params, ...useTimeWindow().query } }
}

/** The trend of one point, the way from any live value to its records. */
export const trendOf = (point: number | null | undefined): RouteLocationRaw | null =>
  point ? drillTo({ page: 'trends', params: { points: String(point) } }) : null

/** An enterprise's page. */
export function enterprisePage(id: number | null | undefined): RouteLocationRaw | null {
  if (!id || !useSession().may('registry.enterprise.read')) return null
  if (router.hasRoute('enterprise')) return { name: 'enterprise', params: { id: String(id) } }
  return drillTo({ page: 'enterprises', params: { id: String(id) } })
}
