import type { WebModule } from '@/module'
import en from './locales/en.json'
import zh from './locales/zh-CN.json'

const telemetry: WebModule = {
  name: 'telemetry',
  routes: [
    {
      path: '/trends',
      name: 'trends',
      component: () => import('./trends/TrendsPage.vue'),
      meta: { permission: 'telemetry.observation.read', title: 'telemetry.trends.title' },
    },
    {
      path: '/points',
      name: 'points',
      component: () => import('./points/PointsPage.vue'),
      meta: { permission: 'telemetry.point.read', title: 'telemetry.points.title' },
    },
    {
      path: '/forensics',
      name: 'forensics',
      component: () => import('./forensics/ForensicsPage.vue'),
      meta: { permission: 'telemetry.forensics.read', title: 'telemetry.forensics.title' },
    },
  ],
  nav: [
    { route: 'trends', label: 'telemetry.trends.title', permission: 'telemetry.observation.read', order: 20, group: 'main' },
    { route: 'points', label: 'telemetry.points.title', permission: 'telemetry.point.read', order: 40, group: 'main' },
    { route: 'forensics', label: 'telemetry.forensics.title', permission: 'telemetry.forensics.read', order: 140, group: 'more' },
  ],
  locales: { 'zh-CN': zh, en },
}
export default telemetry
