import { createBrowserRouter, redirect } from "react-router";
import { session } from "./api/session";
import { Failed } from "./parts/failed";
import { ProjectLayout } from "./parts/project-layout";
import { Shell } from "./parts/shell";

function signedIn({ request }: { request: Request }) {
  if (session.get()) return null;
  const { pathname, search } = new URL(request.url);
  const query = new URLSearchParams({ next: pathname + search });
  return redirect(pathname === "/" ? "/sign-in" : `/sign-in?${query}`);
}

function signedOut() {
  return session.get() ? redirect("/") : null;
}

export const router = createBrowserRouter([
  {
    path: "/sign-in",
    loader: signedOut,
    ErrorBoundary: Failed,
    lazy: { Component: async () => (await import("./pages/sign-in")).SignIn },
    HydrateFallback: () => null,
  },
  {
    path: "/",
    Component: Shell,
    loader: signedIn,
    ErrorBoundary: Failed,
    HydrateFallback: () => null,
    children: [
      {
        ErrorBoundary: Failed,
        children: [
          {
            index: true,
            lazy: { Component: async () => (await import("./pages/dashboard")).Dashboard },
          },
          {
            path: "projects/:projectId",
            Component: ProjectLayout,
            children: [
              {
                index: true,
                lazy: { Component: async () => (await import("./pages/project")).ProjectPage },
              },
              {
                path: "images/:imageId",
                lazy: { Component: async () => (await import("./pages/image")).ImagePage },
              },
            ],
          },
          { path: "*", lazy: { Component: async () => (await import("./parts/missing")).Missing } },
        ],
      },
    ],
  },
]);

// Whoever is signed out, here or in another tab, sees nothing of what was there.
session.subscribe(() => {
  if (!session.get()) void router.navigate("/sign-in");
});
