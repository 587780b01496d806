# Medallion on Kubernetes, for this checkout's Makefile and, from the wheel, for that of a team's repository.
# CLUSTER, NAMESPACE and RELEASE choose which one. PIPELINE is the one of the first run.
K8S ?= k8s
CLUSTER ?= medallion
NAMESPACE ?= medallion
RELEASE ?= medallion
KUBE_CONTEXT ?= kind-$(CLUSTER)
export CLUSTER NAMESPACE RELEASE KUBE_CONTEXT PIPELINE
KUBE := kubectl --context $(KUBE_CONTEXT) --namespace $(NAMESPACE)
AIRFLOW := deployment/medallion-api-server deployment/medallion-scheduler deployment/medallion-dag-processor deployment/medallion-triggerer

.PHONY: help
help: # of all targets that have a description
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n\033[1m%s\033[0m\n", substr($$0, 5)} \
	  /^[a-zA-Z_-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ On Kubernetes (kind)
.PHONY: up down restart status ui run profile history rejects replay rollback adopt backup backups restore bring-back sync put logs-airflow logs-scheduler shell-airflow shell-postgres dbt-debug

up: install ## a kind cluster with everything on it, and a first run
	@$(K8S)/up.sh

down: ## delete the kind cluster, its data too
	@kind delete cluster --name $(CLUSTER)

restart: ## restart Airflow's pods
	@$(KUBE) rollout restart $(AIRFLOW)
	@for part in $(AIRFLOW); do $(KUBE) rollout status $$part --timeout=300s; done

status: ## the release, its pods and volumes, and what went wrong lately
	@helm --kube-context $(KUBE_CONTEXT) --namespace $(NAMESPACE) list --all --filter '^$(RELEASE)$$'
	@$(KUBE) get pods,pvc
	@$(KUBE) get events --field-selector type=Warning --sort-by .lastTimestamp | tail -n 10

ui: ## the Airflow UI on http://localhost:8080 (UI_PORT=8080)
	@$(KUBE) get secret medallion-ui -o go-template='user {{.data.username | base64decode}}, password {{.data.password | base64decode}}{{"\n"}}'
	@echo "http://localhost:$(or $(UI_PORT),8080)$$($(KUBE) get configmap medallion-runtime -o jsonpath='{.data.MEDALLION_UI_PATH}')"
	@$(KUBE) port-forward service/medallion-api-server $(or $(UI_PORT),8080):api-server

run: ## trigger PIPELINE=… and wait for its end
	@$(K8S)/trigger.sh $(PIPELINE)

profile: ## run PIPELINE=… and print where the time of each of its steps went
	@$(K8S)/trigger.sh $(PIPELINE) --profile

history: install ## the runs of PIPELINE=… and whose data readers see (RUN=… for the steps and files of one)
	@$(K8S)/medallion.sh history $(PIPELINE) $(if $(RUN),--run "$(RUN)")

rejects: install ## the rows that the last run of PIPELINE=…, or RUN=…, rejected (CSV=FILE for all)
	@$(K8S)/medallion.sh rejects $(PIPELINE) $(if $(RUN),--run "$(RUN)") $(if $(CSV),--csv "$(CSV)")

replay: install ## load the rows that PIPELINE=… rejected again (INPUT=FILE for corrected ones, SOURCE=…, RUN=…)
	@$(K8S)/medallion.sh replay $(PIPELINE) $(if $(INPUT),--input "$(INPUT)") $(if $(SOURCE),--source "$(SOURCE)") $(if $(RUN),--run "$(RUN)")

rollback: install ## put the data of PIPELINE=…'s run before back, or of TO=…
	@$(K8S)/medallion.sh rollback $(PIPELINE) $(if $(TO),--to "$(TO)")

adopt: install ## take over what plain dbt built for PIPELINE=… (DRY_RUN=1 to try it)
	@$(K8S)/medallion.sh adopt $(PIPELINE) $(if $(DRY_RUN),--dry-run)

backup: ## dump all databases now, and prove the dumps by restoring them
	@$(K8S)/backups.sh now

backups: ## the backups that there are
	@$(K8S)/backups.sh list

restore: ## put a backup in its database's place (FILE=… as `make backups` shows it)
	@$(K8S)/backups.sh restore "$(FILE)"

bring-back: ## bring back a lost Secret (SECRET=medallion-postgres, medallion-airflow or medallion-ui)
	@$(K8S)/bring-back.sh $(SECRET)

sync: ## push this checkout to the cluster's git server, uncommitted changes too
	@$(K8S)/push-dags.sh

put: ## put FILE=… or a folder on the landing volume (NAME=… to call it otherwise)
	@$(K8S)/upload.sh "$(FILE)" $(if $(NAME),"$(NAME)")

##@ Looking inside
logs-airflow: ## follow all of Airflow's parts
	@$(KUBE) logs --selector tier=airflow --all-containers --prefix --tail 20 --max-log-requests 30 --follow --ignore-errors

logs-scheduler: ## the scheduler's log (FOLLOW=1 to follow)
	@$(KUBE) logs deployment/medallion-scheduler --container scheduler --tail 200 $(if $(FOLLOW),--follow)

shell-airflow: ## a shell next to the scheduler, with the airflow command
	@$(KUBE) exec -it deployment/medallion-scheduler --container scheduler -- bash

shell-postgres: ## psql on the warehouse
	@$(KUBE) exec -it medallion-postgres-0 --container postgres -- psql --username postgres warehouse

dbt-debug: ## dbt's own check of its project and its connection, in a pod like a layer's
	@$(K8S)/dbt-debug.sh
