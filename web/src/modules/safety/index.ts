import type { WebModule } from '@/module'
import en from './locales/en.json'
import zh from './locales/zh-CN.json'

const safety: WebModule = {
  name: 'safety',
  routes: [
    {
      path: '/safety/hazards',
      name: 'hazards',
      component: () => import('./HazardsPage.vue'),
      meta: { permission: 'safety.hazard.read', title: 'safety.hazards' },
    },
    {
      path: '/safety/hazards/:id(\\d+)',
      name: 'hazard',
      component: () => import('./HazardPage.vue'),
      meta: { permission: 'safety.hazard.read', title: 'safety.hazard' },
    },
  ],
  nav: [{ route: 'hazards', label: 'safety.hazards', permission: 'safety.hazard.read', order: 110, group: 'more' }],
  locales: { 'zh-CN': zh, en },
}
export default safety
