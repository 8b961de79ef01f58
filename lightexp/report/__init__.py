"""Tables and pictures from tracked runs. Its modules are imported one by one: pandas, matplotlib and MLflow take seconds."""
