# Where the chart and Medallion's images come from. Sourced after env.sh, not run.
#   In Medallion's checkout: both are built from it, as $TAG.
#   In a team's repository: a release of the version that its Makefile names. With MEDALLION_REGISTRY the cluster pulls
#   the images from there, and the chart is an OCI archive of it; else both are files of the folder MEDALLION_PLATFORM.
# shellcheck shell=bash disable=SC2034 # read by the scripts that source this
LOCAL_REGISTRY=localhost/medallion # for images that no registry has: "localhost" is never looked up on a public one
if [ -n "$SOURCE" ]; then
  TAG=${TAG:-dev} REGISTRY=$LOCAL_REGISTRY CHART=charts/medallion
else
  TAG=${MEDALLION_VERSION:?the Makefile of the repository sets it to the version of Medallion}
  if [ -n "${MEDALLION_REGISTRY:-}" ]; then
    REGISTRY=$MEDALLION_REGISTRY CHART=oci://$MEDALLION_REGISTRY/charts/medallion
  else
    folder=${MEDALLION_PLATFORM:?set it to the folder of a Medallion release, or MEDALLION_REGISTRY to its registry}
    REGISTRY=$LOCAL_REGISTRY CHART=$folder/medallion-$TAG.tgz
    [ -f "$folder/images-$TAG.tar" ] || fail "$folder has no images-$TAG.tar
hint: set MEDALLION_PLATFORM to the folder of Medallion $TAG, or MEDALLION_REGISTRY to the registry of its images"
  fi
fi

images=("$REGISTRY/cleaner:$TAG" "$REGISTRY/dbt:$TAG" "$REGISTRY/git-server:$TAG" "$REGISTRY/airflow:$TAG")

# The values that name them.
image_values=(
  --set-string "global.images.registry=$REGISTRY,global.images.tag=$TAG"
  --set-string "airflow.defaultAirflowRepository=$REGISTRY/airflow,airflow.defaultAirflowTag=$TAG"
)
